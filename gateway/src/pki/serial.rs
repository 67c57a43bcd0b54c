//! Serial numbers of new certificates.

use aws_lc_rs::rand;

use crate::device::revocation::Serial;

/// No randomness could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random numbers")]
pub struct NoRandomness;

/// 128 random bits, positive.
///
/// One whose hexadecimal digits are all decimal is drawn again, once in three million times: in a list of serial numbers
/// nobody could tell which it is.
pub fn random() -> Result<Serial, NoRandomness> {
    loop {
        let mut octets = [0; 17];
        let (_, bits) = octets.split_first_mut().ok_or(NoRandomness)?;
        rand::fill(bits).map_err(|_| NoRandomness)?;
        let serial = Serial::new(&octets).map_err(|_| NoRandomness)?;
        if serial.to_string().contains(|digit: char| digit.is_ascii_alphabetic()) {
            return Ok(serial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_positive_and_of_at_most_128_bits_and_differ() {
        let numbers: Vec<_> = (0..1000).map(|_| random().unwrap()).collect();
        assert!(numbers.iter().all(|number| !number.is_negative() && number.octets().len() <= 16));
        assert!(numbers.iter().any(|number| number.octets()[0] >= 0x80), "the top bit is used");
        assert_eq!(numbers.iter().collect::<std::collections::HashSet<_>>().len(), 1000);
    }
}
