//! The entries of a CRL, read where they lie.

use super::der::{INTEGER, Reader, SEQUENCE};
use super::parse::ParseError;
use super::serial::Serial;
use super::{extension, time};

/// A revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its serial number.
    pub serial: Serial,
    /// Since when it is revoked, in seconds since the epoch; 0 for what is before.
    pub revoked_at: u64,
    /// Why, where the CA says so.
    pub reason: Option<Reason>,
}

/// Why a CA revoked a certificate (RFC 5280, 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum Reason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    PrivilegeWithdrawn,
    AaCompromise,
    /// A code that the standard does not have. The certificate is revoked all the same.
    Other(u8),
}

impl Reason {
    /// Every one that the standard has.
    pub const ALL: [Self; 9] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The one with this name, in whatever case.
    pub fn named(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.label().eq_ignore_ascii_case(label))
    }

    /// The name that OpenSSL's `index.txt` gives it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "CACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "AACompromise",
            Self::Other(_) => "other",
        }
    }

    /// From the code, unless it is `removeFromCRL`, which is none.
    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => return None,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            code => Self::Other(code),
        })
    }
}

/// The entries of a CRL, in its order. It may be walked again and again: a clone starts where the original stands.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    version: Version,
}

/// Whether entries may have extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

impl<'a> Entries<'a> {
    pub(super) const fn new(content: &'a [u8], version: Version) -> Self {
        Self { reader: Reader::new(content), version }
    }

    /// Reads every entry, so that no later walk can fail; gives their number.
    pub(super) fn check(mut self) -> Result<usize, ParseError> {
        let mut count = 0;
        while !self.reader.is_empty() {
            self.read()?;
            count += 1;
        }
        Ok(count)
    }

    fn read(&mut self) -> Result<Entry, ParseError> {
        let malformed = ParseError::within("an entry");
        let mut fields = Reader::new(self.reader.expect(SEQUENCE).map_err(malformed)?.content);
        let serial = Serial::new(fields.expect(INTEGER).map_err(malformed)?.content)?;
        let revoked_at = time::read(&mut fields).map_err(ParseError::within("a revocation date"))?;
        let extensions = fields.optional(SEQUENCE).map_err(malformed)?;
        fields.finish().map_err(malformed)?;
        let reason = match extensions {
            None => None,
            Some(_) if self.version == Version::V1 => return Err(ParseError::ExtensionsInV1),
            Some(extensions) => extension::read_entry(extensions.content, &serial)?
                .map(|code| Reason::from_code(code).ok_or(ParseError::RemoveFromCrl { serial }))
                .transpose()?,
        };
        Ok(Entry { serial, revoked_at, reason })
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.reader.is_empty() {
            return None;
        }
        // `check` has read it before: it does not fail.
        self.read().ok()
    }
}
