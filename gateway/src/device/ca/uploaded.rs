//! The certificates of an upload, whatever each is for, and how old they are.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, SystemTime};

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
pub(super) fn time(seconds: u64) -> String {
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
