//! What the operator denies, CA or no CA: at once, and without waiting for the next CRL.

use std::collections::HashSet;

use super::index::{CertificateId, LeafFacts, Revocation, RevokedBy};
use super::issuer::IssuerId;
use super::serial::Serial;
use crate::model::hex;

/// Something that an operator denies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DenyEntry {
    /// The device whose certificate says exactly this common name, in any of its common names.
    CommonName(Box<str>),
    /// The device certificate with this SHA-256.
    Fingerprint([u8; 32]),
    /// The certificate with this issuer and serial number, anywhere on a path.
    Serial {
        /// The CA that issued it.
        issuer: IssuerId,
        /// Its serial number.
        serial: Serial,
    },
    /// The device whose key, as the DER of its `SubjectPublicKeyInfo`, has this SHA-256, in whatever certificate.
    Key([u8; 32]),
}

/// Why something cannot be denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DenyError {
    /// An empty common name.
    #[error("an empty common name cannot be denied; deny the certificate by its fingerprint")]
    EmptyCommonName,
    /// Not the hexadecimal form of a SHA-256.
    #[error(
        "`{text}` is not a SHA-256 in hexadecimal (64 digits, with or without colons); \
         `openssl x509 -noout -fingerprint -sha256` prints a certificate's"
    )]
    NotASha256 {
        /// What was given.
        text: String,
    },
}

impl DenyEntry {
    /// A device's common name.
    pub fn common_name(name: &str) -> Result<Self, DenyError> {
        if name.is_empty() { Err(DenyError::EmptyCommonName) } else { Ok(Self::CommonName(name.into())) }
    }

    /// A device's certificate, by its SHA-256 in hexadecimal, with or without colons.
    pub fn fingerprint(text: &str) -> Result<Self, DenyError> {
        sha256(text).map(Self::Fingerprint)
    }

    /// A device's key, by the SHA-256 of its `SubjectPublicKeyInfo` in hexadecimal, with or without colons.
    pub fn key(text: &str) -> Result<Self, DenyError> {
        sha256(text).map(Self::Key)
    }
}

fn sha256(text: &str) -> Result<[u8; 32], DenyError> {
    hex::parse_digest(text).ok_or_else(|| DenyError::NotASha256 { text: text.to_owned() })
}

/// Everything that the operator denies.
#[derive(Clone, Debug, Default)]
pub struct DenyList {
    common_names: HashSet<Box<str>>,
    fingerprints: HashSet<[u8; 32]>,
    keys: HashSet<[u8; 32]>,
    serials: HashSet<(IssuerId, Serial)>,
}

impl DenyList {
    /// How many entries there are; what was given twice counts once.
    pub fn len(&self) -> usize {
        self.common_names.len() + self.fingerprints.len() + self.keys.len() + self.serials.len()
    }

    /// Whether nothing is denied.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry that denies a device, if one does.
    pub(super) fn find(&self, path: &[CertificateId], leaf: LeafFacts<'_>) -> Option<Revocation> {
        let by = if self.fingerprints.contains(&leaf.fingerprint.0) {
            RevokedBy::Fingerprint
        } else if self.keys.contains(&leaf.key_sha256) {
            RevokedBy::Key
        } else if leaf.common_names.iter().any(|name| self.common_names.contains(name)) {
            RevokedBy::CommonName
        } else {
            let listed = |id: &CertificateId| self.serials.contains(&(id.issuer, id.serial));
            return path
                .iter()
                .position(listed)
                .map(|position| Revocation { by: RevokedBy::Serial, position });
        };
        Some(Revocation { by, position: 0 })
    }
}

impl Extend<DenyEntry> for DenyList {
    fn extend<T: IntoIterator<Item = DenyEntry>>(&mut self, entries: T) {
        for entry in entries {
            match entry {
                DenyEntry::CommonName(name) => self.common_names.insert(name),
                DenyEntry::Fingerprint(sha256) => self.fingerprints.insert(sha256),
                DenyEntry::Serial { issuer, serial } => self.serials.insert((issuer, serial)),
                DenyEntry::Key(sha256) => self.keys.insert(sha256),
            };
        }
    }
}

impl FromIterator<DenyEntry> for DenyList {
    fn from_iter<T: IntoIterator<Item = DenyEntry>>(entries: T) -> Self {
        let mut list = Self::default();
        list.extend(entries);
        list
    }
}
