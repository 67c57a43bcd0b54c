//! Files of serial numbers, one a line: hexadecimal, as OpenSSL prints them, or decimal, as cfssl does.
//!
//! `cfssl gencrl` reads decimal numbers and takes hexadecimal ones without a word, so that a list revokes nobody. Here what
//! can be read both ways, and is not the same, is an error.

use crate::device::revocation::{Reason, Serial, SerialError};

/// Digits of the longest serial number that RFC 5280 allows, in hexadecimal. What has more, and no letter, is decimal.
const MOST_HEX_DIGITS: usize = 40;

/// How bare digits are read. `0x`, colons and `serial=` say it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Radix {
    /// As `openssl x509 -serial` prints them.
    Hex,
    /// As cfssl logs them.
    Decimal,
}

/// A line of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who is revoked.
    pub serial: Serial,
    /// Why, where the line says so.
    pub reason: Option<Reason>,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SerialsError {
    /// Both readings are possible.
    #[error(
        "line {line}: `{text}` can be hexadecimal (decimal {as_hex}) or decimal (hexadecimal {as_decimal}), and no other line \
         tells which; say it with --serials hex or --serials decimal"
    )]
    Ambiguous {
        /// From 1.
        line: usize,
        /// The number.
        text: String,
        /// Read as hexadecimal, in decimal.
        as_hex: String,
        /// Read as decimal, in hexadecimal.
        as_decimal: Serial,
    },
    /// Some lines are in one, and some in the other.
    #[error(
        "line {hex} is hexadecimal, and line {decimal} too long for it; write `0x` before hexadecimal numbers, or make two \
         files"
    )]
    Mixed {
        /// A line with letters, from 1.
        hex: usize,
        /// A line that can only be decimal, from 1.
        decimal: usize,
    },
    /// Not a number.
    #[error("line {line}: {error}")]
    Number {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        error: SerialError,
    },
    /// Not a reason.
    #[error("line {line}: `{text}` is not a reason; {} are", Reason::ALL.map(Reason::label).join(", "))]
    Reason {
        /// From 1.
        line: usize,
        /// What stands there.
        text: String,
    },
}

/// A number as it stands in its line.
struct Written<'a> {
    /// From 1.
    line: usize,
    text: &'a str,
    reason: Option<Reason>,
}

/// The serial numbers in a text, in its order. Behind a number may stand the reason, and behind `#` anything.
pub fn read(text: &str, radix: Option<Radix>) -> Result<Vec<Listed>, SerialsError> {
    let written = text.lines().enumerate().filter_map(|(index, line)| written(index + 1, line).transpose());
    let written = written.collect::<Result<Vec<_>, _>>()?;
    let radix = match radix {
        None => radix_of(&written)?,
        radix => radix,
    };
    written.iter().map(|written| written.read(radix)).collect()
}

fn written(line: usize, text: &str) -> Result<Option<Written<'_>>, SerialsError> {
    let text = text.split('#').next().unwrap_or_default();
    // `openssl x509 -text` has a blank behind its label.
    let mut words = text.split_whitespace();
    let Some(number) = words.next() else { return Ok(None) };
    let reason =
        |word: &str| Reason::named(word).ok_or_else(|| SerialsError::Reason { line, text: word.to_owned() });
    let reason = words.next().map(reason).transpose()?;
    Ok(Some(Written { line, text: number, reason }))
}

/// What the bare numbers of a file are, as far as they tell; nothing where it makes no difference.
fn radix_of(written: &[Written<'_>]) -> Result<Option<Radix>, SerialsError> {
    let find = |is: fn(&Written<'_>) -> bool| written.iter().find(|written| written.is_bare() && is(written));
    let hex = find(|written| written.text.contains(|digit: char| digit.is_ascii_alphabetic()));
    let decimal = find(|written| written.is_digits() && written.text.len() > MOST_HEX_DIGITS);
    match (hex, decimal) {
        (Some(hex), Some(decimal)) => Err(SerialsError::Mixed { hex: hex.line, decimal: decimal.line }),
        (Some(_), None) => Ok(Some(Radix::Hex)),
        (None, Some(_)) => Ok(Some(Radix::Decimal)),
        (None, None) => written.iter().try_for_each(Written::check_unambiguous).map(|()| None),
    }
}

impl Written<'_> {
    /// Whether it says itself how it is to be read.
    fn is_bare(&self) -> bool {
        let marked = self.text.starts_with("0x") || self.text.starts_with("0X");
        !marked && !self.text.contains([':', '='])
    }

    fn is_digits(&self) -> bool {
        self.text.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn check_unambiguous(&self) -> Result<(), SerialsError> {
        if !self.is_bare() || !self.is_digits() {
            return Ok(());
        }
        let (as_hex, as_decimal) = (self.as_hex()?, self.as_decimal()?);
        if as_hex == as_decimal {
            return Ok(());
        }
        let (line, text) = (self.line, self.text.to_owned());
        let as_hex = as_hex.decimal().unwrap_or_default();
        Err(SerialsError::Ambiguous { line, text, as_hex, as_decimal })
    }

    fn read(&self, radix: Option<Radix>) -> Result<Listed, SerialsError> {
        let serial = match radix {
            Some(Radix::Decimal) if self.is_bare() => self.as_decimal()?,
            _ => self.as_hex()?,
        };
        Ok(Listed { serial, reason: self.reason })
    }

    fn as_hex(&self) -> Result<Serial, SerialsError> {
        self.text.parse().map_err(|error| SerialsError::Number { line: self.line, error })
    }

    fn as_decimal(&self) -> Result<Serial, SerialsError> {
        Serial::from_decimal(self.text).map_err(|error| SerialsError::Number { line: self.line, error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Serial {
        text.parse().unwrap()
    }

    fn serials(text: &str, radix: Option<Radix>) -> Vec<Serial> {
        read(text, radix).unwrap().into_iter().map(|listed| listed.serial).collect()
    }

    #[test]
    fn every_spelling_of_hexadecimal_is_read() {
        let text = "0A1B\n\n  0a:1c # a comment\n0x10\nserial=11\r\n12\n";
        assert_eq!(serials(text, None), ["A1B", "A1C", "10", "11", "12"].map(hex));
    }

    #[test]
    fn decimal_numbers_are_known_by_their_length() {
        let long = "397462174627817874821347812374871234871239";
        let text = format!("12\n{long}\n0x12\n");
        let expected = [hex("C"), Serial::from_decimal(long).unwrap(), hex("12")];
        assert_eq!(serials(&text, None), expected);
    }

    #[test]
    fn what_can_be_read_both_ways_is_refused_with_both_readings() {
        let error = read("7\n0x1A\n1234\n", None).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, SerialsError::Ambiguous { line: 3, .. }), "{said}");
        for part in ["line 3", "`1234`", "4660", "4D2", "--serials hex"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(serials("7\n8\n", None), ["7", "8"].map(hex), "the same either way");
        assert_eq!(serials("1234\n", Some(Radix::Hex)), [hex("1234")]);
        assert_eq!(serials("1234\n0x1234", Some(Radix::Decimal)), ["4D2", "1234"].map(hex));
    }

    #[test]
    fn letters_among_numbers_too_long_for_them_are_refused() {
        let text = format!("AB\n{}\n", "1".repeat(48));
        assert_eq!(read(&text, None), Err(SerialsError::Mixed { hex: 1, decimal: 2 }));
    }

    #[test]
    fn what_is_no_number_is_told_with_its_line() {
        for (text, radix) in
            [("1\nxyz", None), ("1\nAB", Some(Radix::Decimal)), ("1\n-1", None), ("1\n0x", None)]
        {
            let said = read(text, radix).unwrap_err().to_string();
            assert!(said.starts_with("line 2: "), "{text}: {said}");
        }
    }

    #[test]
    fn a_reason_may_follow_a_number() {
        let read = read("AB keyCompromise\nAC superseded # replaced\nAD\n", None).unwrap();
        let reasons = read.iter().map(|listed| listed.reason);
        assert!(reasons.eq([Some(Reason::KeyCompromise), Some(Reason::Superseded), None]));
        let error = super::read("AB stolen\n", None).unwrap_err().to_string();
        assert!(error.contains("`stolen`") && error.contains("keyCompromise"), "{error}");
    }
}
