//! Serial numbers, in one form however a CA encoded them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use x509_parser::num_bigint::BigUint;

use crate::model::hex::{self, Upper};

/// A certificate's serial number.
///
/// Leading zeros do not count, as in the integer that it is; a negative number, which some old CAs issue, is never
/// equal to a positive one.
#[derive(Clone, Copy)]
pub struct Serial {
    negative: bool,
    length: u8,
    /// The magnitude in `length` octets, without leading zeros; for a negative number its two's complement.
    octets: [u8; Self::MAX_OCTETS],
}

/// Why something is not a serial number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// There is nothing.
    #[error("a serial number is empty")]
    Empty,
    /// Text that is neither hexadecimal nor meant to be.
    #[error(
        "`{text}` is not a serial number in {radix}; write it as `openssl x509 -serial` prints it, like 0A1B"
    )]
    NotANumber {
        /// What was given.
        text: String,
        /// `hexadecimal` or `decimal`.
        radix: &'static str,
    },
    /// More octets than any certificate should have.
    #[error(
        "a serial number has {octets} octets; RFC 5280 allows 20 and Fleetgate {max}: reissue with a shorter one",
        max = Serial::MAX_OCTETS
    )]
    TooLong {
        /// How many.
        octets: usize,
    },
}

impl Serial {
    /// Twice what RFC 5280 lets a CA use.
    pub const MAX_OCTETS: usize = 40;

    /// From the content octets of the DER INTEGER (`raw_serial()` of x509-parser).
    pub fn new(content: &[u8]) -> Result<Self, SerialError> {
        let negative = content.first().ok_or(SerialError::Empty)? & 0x80 != 0;
        let digits = match content {
            _ if negative => minimal_negative(content),
            _ => minimal_positive(content),
        };
        Self::from_minimal(negative, digits)
    }

    /// From decimal digits, as cfssl and Go print serial numbers.
    pub fn from_decimal(text: &str) -> Result<Self, SerialError> {
        let not_a_number = || SerialError::NotANumber { text: text.to_owned(), radix: "decimal" };
        // Longer ones are no serial numbers, and would only cost time.
        if text.len() > Self::MAX_OCTETS * 3 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(not_a_number());
        }
        let number = BigUint::parse_bytes(text.as_bytes(), 10).ok_or_else(not_a_number)?;
        Self::from_minimal(false, minimal_positive(&number.to_bytes_be()))
    }

    /// Decimal digits; nothing for a negative number.
    pub fn decimal(&self) -> Option<String> {
        (!self.negative).then(|| BigUint::from_bytes_be(self.octets()).to_str_radix(10))
    }

    /// Whether it is below zero.
    pub const fn is_negative(&self) -> bool {
        self.negative
    }

    /// The magnitude without leading zeros; of a negative number the shortest two's complement.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or(&self.octets)
    }

    fn from_minimal(negative: bool, digits: &[u8]) -> Result<Self, SerialError> {
        let mut octets = [0; Self::MAX_OCTETS];
        let too_long = SerialError::TooLong { octets: digits.len() };
        let (Some(to), Ok(length)) = (octets.get_mut(..digits.len()), u8::try_from(digits.len())) else {
            return Err(too_long);
        };
        to.copy_from_slice(digits);
        Ok(Self { negative, length, octets })
    }
}

fn minimal_positive(mut digits: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = digits
        && !rest.is_empty()
    {
        digits = rest;
    }
    digits
}

fn minimal_negative(mut digits: &[u8]) -> &[u8] {
    while let [0xff, rest @ ..] = digits
        && rest.first().is_some_and(|next| next & 0x80 != 0)
    {
        digits = rest;
    }
    digits
}

impl PartialEq for Serial {
    fn eq(&self, other: &Self) -> bool {
        self.negative == other.negative && self.octets() == other.octets()
    }
}

impl Eq for Serial {}

impl Hash for Serial {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.negative, self.octets()).hash(state);
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.negative {
            return Upper(self.octets()).fmt(f);
        }
        let complement: Vec<u8> = self.octets().iter().map(|octet| !octet).collect();
        let magnitude = (BigUint::from_bytes_be(&complement) + 1_u8).to_bytes_be();
        write!(f, "-{}", Upper(&magnitude))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    /// From hexadecimal digits, with or without colons, as OpenSSL prints serial numbers.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets = hex::parse(text)
            .ok_or_else(|| SerialError::NotANumber { text: text.to_owned(), radix: "hexadecimal" })?;
        if octets.is_empty() {
            return Err(SerialError::Empty);
        }
        Self::from_minimal(false, minimal_positive(&octets))
    }
}
