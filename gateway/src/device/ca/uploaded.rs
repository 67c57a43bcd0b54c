//! The certificates of an upload, whatever each is for, and how old they are.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use x509_parser::prelude::X509Certificate;
use x509_parser::time::ASN1Time;

use super::extensions::UnevaluatedNames;
use crate::device::identity::Fingerprint;

/// A certificate of an upload.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// Its position in the file, from 1.
    pub position: usize,
    /// The subject, for people.
    pub subject: String,
    /// Which certificate.
    pub fingerprint: Fingerprint,
    /// Seconds since the epoch.
    pub not_before: u64,
    /// Seconds since the epoch.
    pub not_after: u64,
    /// Kinds of names that it constrains and nobody here compares.
    pub unevaluated_names: BTreeSet<UnevaluatedNames>,
}

/// Why a certificate verifies nobody now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfDate {
    /// `notAfter` is past.
    Expired,
    /// `notBefore` is still to come.
    NotYetValid,
}

impl Uploaded {
    pub(super) fn new(position: usize, der: &[u8], certificate: &X509Certificate<'_>) -> Self {
        let seconds = |time: ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
        Self {
            position,
            subject: certificate.subject().to_string(),
            fingerprint: Fingerprint::of(der),
            not_before: seconds(certificate.validity().not_before),
            not_after: seconds(certificate.validity().not_after),
            unevaluated_names: UnevaluatedNames::of(certificate),
        }
    }

    /// Whether it is this one.
    pub fn is(&self, der: &[u8]) -> bool {
        self.fingerprint == Fingerprint::of(der)
    }

    /// Whether it is outside of its dates at `now`, in seconds since the epoch.
    pub const fn out_of_date(&self, now: u64) -> Option<OutOfDate> {
        if now > self.not_after {
            Some(OutOfDate::Expired)
        } else if now < self.not_before {
            Some(OutOfDate::NotYetValid)
        } else {
            None
        }
    }
}

impl fmt::Display for Uploaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {} (`{}`)", self.position, self.subject)
    }
}

/// A time for people: RFC 3339, to the second.
pub fn time(seconds: u64) -> String {
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    match at {
        // What is beyond the year 9999 cannot be written.
        Some(at) if seconds < 253_402_300_800 => humantime::format_rfc3339_seconds(at).to_string(),
        _ => "never".to_owned(),
    }
}

impl OutOfDate {
    /// What is wrong with `uploaded`, with the date that says so.
    pub fn describe(self, uploaded: &Uploaded) -> String {
        match self {
            Self::Expired => format!("{uploaded}, good until {}, has expired", time(uploaded.not_after)),
            Self::NotYetValid => {
                format!("{uploaded}, good from {}, is not valid yet", time(uploaded.not_before))
            }
        }
    }
}
