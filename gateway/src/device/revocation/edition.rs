//! Which of two CRLs about the same certificates is newer.

use std::cmp::Ordering;
use std::fmt;

use super::parse::CrlNumber;
use super::verify::{Crl, time};

/// What tells one CRL of a CA from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Its number in the CA's sequence.
    pub number: Option<CrlNumber>,
    /// When it was made, in seconds since the epoch.
    pub this_update: u64,
}

impl Edition {
    /// Which of two is newer: by number where both have one, then by date.
    pub fn age(&self, other: &Self) -> Ordering {
        let by_number = self.number.zip(other.number).map_or(Ordering::Equal, |(own, other)| own.cmp(&other));
        by_number.then(self.this_update.cmp(&other.this_update))
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "number {number}")?,
            None => f.write_str("no number")?,
        }
        write!(f, ", of {}", time(self.this_update))
    }
}

impl Crl {
    /// Which it is.
    pub const fn edition(&self) -> Edition {
        Edition { number: self.number, this_update: self.this_update }
    }
}
