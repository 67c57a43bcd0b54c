//! The trap of serial files, with CRLs that cfssl made.

use std::collections::HashSet;

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::support::{LIMIT, data};
use crate::device::revocation::envelope::decode;
use crate::device::revocation::{ParsedCrl, RadixReport, Serial};

fn listed(file: &[u8]) -> HashSet<Serial> {
    let der = decode(file, LIMIT).unwrap().remove(0);
    ParsedCrl::parse(&der, LIMIT).unwrap().entries().map(|entry| entry.serial).collect()
}

fn report(listed: &HashSet<Serial>, seen: impl IntoIterator<Item = Serial>) -> RadixReport {
    RadixReport::new(|serial| listed.contains(serial), seen)
}

#[test]
fn a_hexadecimal_serial_file_gives_itself_away() {
    let (_, device) = X509Certificate::from_der(data!("cfssl-device.cer")).unwrap();
    let device = Serial::new(device.raw_serial()).unwrap();

    let right = report(&listed(data!("cfssl-decimal.base64")), [device]);
    assert_eq!(right, RadixReport { seen: 1, matching: 1, ..RadixReport::default() });
    assert!(!right.is_suspicious());

    let trapped = report(&listed(data!("cfssl-hex.base64")), [device]);
    assert_eq!(trapped, RadixReport { seen: 1, hex_cut_at_letter: 1, ..RadixReport::default() });
    assert!(trapped.is_suspicious());
}

#[test]
fn each_misreading_is_counted_as_what_it_is() {
    let seen: Vec<Serial> = ["12345678", "ABCDEF01", "12F4", "77"].map(|text| text.parse().unwrap()).to_vec();
    let from_decimal = |text| Serial::from_decimal(text).unwrap();
    for (list, expected) in [
        (vec![from_decimal("12345678")], RadixReport { hex_read_as_decimal: 1, ..RadixReport::default() }),
        // cfssl makes a zero of what starts with a letter.
        (vec![from_decimal("0")], RadixReport { hex_cut_at_letter: 1, ..RadixReport::default() }),
        (vec![from_decimal("12")], RadixReport { hex_cut_at_letter: 1, ..RadixReport::default() }),
        // 0x12F4 is 4852.
        (vec!["4852".parse().unwrap()], RadixReport { decimal_read_as_hex: 1, ..RadixReport::default() }),
        (vec![seen[0], seen[1]], RadixReport { matching: 2, ..RadixReport::default() }),
        (vec![], RadixReport::default()),
    ] {
        let list = list.into_iter().collect();
        assert_eq!(report(&list, seen.clone()), RadixReport { seen: 4, ..expected });
    }
}

#[test]
fn negative_and_longest_serials_have_no_misreading() {
    let seen = [Serial::new(&[0x80]).unwrap(), Serial::new(&[0x7f; 40]).unwrap()];
    assert_eq!(report(&HashSet::new(), seen), RadixReport { seen: 2, ..RadixReport::default() });
}
