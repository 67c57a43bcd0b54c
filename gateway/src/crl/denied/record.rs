//! A denial as people and files write it, and as the index has it.

use serde::{Deserialize, Serialize};

use super::issuers::{self, Authorities};
use crate::device::revocation::{DenyEntry, DenyError, IssuerError, IssuerId, Serial, SerialError};

/// Octets of a note or a common name, so that all records together are bounded.
const MAX_TEXT: usize = 1024;

/// Something that is denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Denial {
    /// What the index holds.
    pub entry: DenyEntry,
    /// The name of the mTLS certificate that a serial number was denied of.
    pub ca: Option<String>,
    /// What the operator wrote to it.
    pub note: Option<String>,
    /// When, in seconds since the epoch.
    pub denied_at: u64,
}

/// What an operator wants denied or pardoned: exactly one of fingerprint, key, common name, and serial number with CA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selector {
    /// SHA-256 of a device's certificate, in hexadecimal.
    pub fingerprint: Option<String>,
    /// SHA-256 of a device's `SubjectPublicKeyInfo`, in hexadecimal.
    pub key: Option<String>,
    /// A device's common name.
    pub common_name: Option<String>,
    /// A certificate's serial number, in hexadecimal.
    pub serial: Option<String>,
    /// The name of the mTLS certificate whose CA issued it.
    pub ca: Option<String>,
    /// Which of its CAs, where it has several: subject, common name, SHA-256 of its certificate, or id.
    pub issuer: Option<String>,
    /// Why, for the list.
    pub note: Option<String>,
}

/// Why something is not denied or pardoned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DenialError {
    /// Nothing, or several things.
    #[error("give exactly one of fingerprint, key, common_name, or serial together with ca (and issuer)")]
    NotOne,
    /// There are as many denials as there may be.
    #[error(
        "{records} denials are in force, and denied.max_entries allows {most}: pardon some, have the CA revoke the devices \
         in its CRL, or raise denied.max_entries and reload"
    )]
    Full {
        /// How many there are.
        records: usize,
        /// How many there may be.
        most: usize,
    },
    /// A text that nobody needs so long.
    #[error("the {what} has {octets} octets, and {MAX_TEXT} are allowed")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// How long it is.
        octets: usize,
    },
    /// A fingerprint, key or common name that is none.
    #[error(transparent)]
    Entry(#[from] DenyError),
    /// A serial number that is none.
    #[error(transparent)]
    Serial(#[from] SerialError),
    /// In a file: an issuer that is none.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// No such CA.
    #[error("no mTLS certificate is called `{name}`; there are: {known}")]
    UnknownCa {
        /// What was given.
        name: String,
        /// What there is.
        known: String,
    },
    /// No such CA in an upload.
    #[error("no CA of `{ca}` is called `{issuer}`; there are: {choices}")]
    UnknownIssuer {
        /// The mTLS certificate.
        ca: String,
        /// What was given.
        issuer: String,
        /// What there is.
        choices: String,
    },
    /// An upload has several CAs, and each may have issued a certificate with the serial number.
    #[error(
        "`{ca}` has several CAs, and serial numbers are only unique within one: name the one that issued the certificate \
         as issuer, by subject, common name or SHA-256: {choices}"
    )]
    WhichIssuer {
        /// The mTLS certificate.
        ca: String,
        /// What there is.
        choices: String,
    },
}

/// What a selector says, once it is known to say one thing.
pub(super) enum Wanted<'a> {
    Device(DenyEntry),
    Serial { serial: Serial, ca: &'a str, issuer: Option<&'a str> },
}

impl Selector {
    pub(super) fn wanted(&self) -> Result<Wanted<'_>, DenialError> {
        let Self { fingerprint, key, common_name, serial, ca, issuer, note: _ } = self;
        if issuer.is_some() && serial.is_none() {
            return Err(DenialError::NotOne);
        }
        let device = match (fingerprint, key, common_name, serial, ca) {
            (Some(text), None, None, None, None) => DenyEntry::fingerprint(text)?,
            (None, Some(text), None, None, None) => DenyEntry::key(text)?,
            (None, None, Some(name), None, None) => DenyEntry::common_name(name)?,
            (None, None, None, Some(text), Some(ca)) => {
                return Ok(Wanted::Serial { serial: text.parse()?, ca, issuer: issuer.as_deref() });
            }
            _ => return Err(DenialError::NotOne),
        };
        Ok(Wanted::Device(device))
    }

    /// The denial that it stands for.
    pub(super) fn denial(&self, authorities: &Authorities, now: u64) -> Result<Denial, DenialError> {
        self.check_lengths()?;
        let entry = match self.wanted()? {
            Wanted::Device(entry) => entry,
            Wanted::Serial { serial, ca, issuer } => {
                DenyEntry::Serial { issuer: issuers::choose(ca, issuer, authorities)?, serial }
            }
        };
        Ok(Denial { entry, ca: self.ca.clone(), note: self.note.clone(), denied_at: now })
    }

    fn check_lengths(&self) -> Result<(), DenialError> {
        for (what, text) in [("note", &self.note), ("common name", &self.common_name)] {
            let octets = text.as_ref().map_or(0, String::len);
            if octets > MAX_TEXT {
                return Err(DenialError::TooLong { what, octets });
            }
        }
        Ok(())
    }
}

impl Wanted<'_> {
    /// Whether it is what `denial` denies. A CA goes by the name that it had then: it may have left the configuration.
    /// Without an issuer, the serial number is pardoned at each of its CAs.
    pub(super) fn covers(&self, denial: &Denial, authorities: &Authorities) -> bool {
        match (self, &denial.entry) {
            (Self::Device(wanted), entry) => wanted == entry,
            (Self::Serial { serial: wanted, ca, issuer: of }, DenyEntry::Serial { serial, issuer }) => {
                let called = |of: &str| issuers::called(ca, of, authorities).contains(issuer);
                wanted == serial && denial.ca.as_deref() == Some(*ca) && of.is_none_or(called)
            }
            (Self::Serial { .. }, _) => false,
        }
    }
}

/// A denial in JSON.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    common_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    denied_at: u64,
}

impl From<Denial> for Written {
    fn from(Denial { entry, ca, note, denied_at }: Denial) -> Self {
        let written = Self { ca, note, denied_at, ..Self::default() };
        match entry {
            DenyEntry::CommonName(name) => Self { common_name: Some(name.into()), ..written },
            DenyEntry::Fingerprint(sha256) => {
                Self { fingerprint: Some(IssuerId::from_octets(sha256).to_string()), ..written }
            }
            DenyEntry::Key(sha256) => {
                Self { key: Some(IssuerId::from_octets(sha256).to_string()), ..written }
            }
            DenyEntry::Serial { issuer, serial } => {
                Self { issuer: Some(issuer.to_string()), serial: Some(serial.to_string()), ..written }
            }
        }
    }
}

impl TryFrom<Written> for Denial {
    type Error = DenialError;

    fn try_from(written: Written) -> Result<Self, DenialError> {
        let Written { fingerprint, key, common_name, serial, issuer, ca, note, denied_at } = written;
        let entry = match (fingerprint, key, common_name, serial, issuer) {
            (Some(text), None, None, None, None) => DenyEntry::fingerprint(&text)?,
            (None, Some(text), None, None, None) => DenyEntry::key(&text)?,
            (None, None, Some(name), None, None) => DenyEntry::common_name(&name)?,
            (None, None, None, Some(serial), Some(issuer)) => {
                DenyEntry::Serial { issuer: issuer.parse()?, serial: serial.parse()? }
            }
            _ => return Err(DenialError::NotOne),
        };
        Ok(Self { entry, ca, note, denied_at })
    }
}
