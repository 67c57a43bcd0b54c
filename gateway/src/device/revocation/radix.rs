//! The trap of serial files: `cfssl gencrl` reads them as decimal, while documentation and OpenSSL write hexadecimal.
//!
//! cfssl takes the file without a word: it reads `1234`, meant as hexadecimal, as another number, and of `6F3A` it
//! reads the `6`. The CRL is valid and revokes nobody. What this gateway has seen gives it away.

use super::serial::Serial;

/// How many of the serial numbers that a gateway has seen a CRL lists, and how many it would list if somebody had
/// misread them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RadixReport {
    /// Serial numbers that the gateway has seen.
    pub seen: usize,
    /// Those that the CRL lists.
    pub matching: usize,
    /// Those that it would list if their hexadecimal digits had been read as decimal.
    pub hex_read_as_decimal: usize,
    /// Those that it would list if their hexadecimal digits had been read as decimal up to the first letter. Short
    /// numbers come about by chance; many at once do not.
    pub hex_cut_at_letter: usize,
    /// Those that it would list if their decimal digits had been read as hexadecimal.
    pub decimal_read_as_hex: usize,
}

impl RadixReport {
    /// Compares the serial numbers that `lists` says yes to with those that were `seen`, all of one issuer.
    pub fn new(lists: impl Fn(&Serial) -> bool, seen: impl IntoIterator<Item = Serial>) -> Self {
        let mut report = Self::default();
        for serial in seen {
            report.add(&lists, &serial);
        }
        report
    }

    /// Whether more certificates match misread than match.
    pub const fn is_suspicious(&self) -> bool {
        self.hex_read_as_decimal + self.hex_cut_at_letter + self.decimal_read_as_hex > self.matching
    }

    fn add(&mut self, lists: impl Fn(&Serial) -> bool, serial: &Serial) {
        self.seen += 1;
        if lists(serial) {
            self.matching += 1;
            return;
        }
        if serial.is_negative() {
            return;
        }
        let hex = serial.to_string();
        let digits = hex.split(|digit: char| !digit.is_ascii_digit()).next().unwrap_or_default();
        let as_decimal = if digits.is_empty() { "0" } else { digits };
        let as_decimal = Serial::from_decimal(as_decimal).is_ok_and(|misread| lists(&misread));
        let as_hex = serial.decimal().and_then(|decimal| decimal.parse().ok());
        self.hex_read_as_decimal += usize::from(as_decimal && digits.len() == hex.len());
        self.hex_cut_at_letter += usize::from(as_decimal && digits.len() < hex.len());
        self.decimal_read_as_hex += usize::from(as_hex.is_some_and(|misread| lists(&misread)));
    }
}
