//! The set of serial numbers: exact, compact, and none of its lookups long.

use std::collections::HashSet;

use proptest::prelude::*;

use super::support::{Ca, Draft, LIMIT, NOW, algorithms};
use crate::device::revocation::{Crl, ParsedCrl, Serial, SerialSet};

const MILLION: usize = 1_000_000;

proptest! {
    #[test]
    fn it_has_what_a_hash_set_has(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..6), 0..200),
        others in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..4), 0..200),
    ) {
        let serials: Vec<_> = contents.iter().map(|content| Serial::new(content).unwrap()).collect();
        let expected: HashSet<_> = serials.iter().copied().collect();
        let set = SerialSet::new(serials.iter().copied()).unwrap();
        prop_assert_eq!(set.len(), expected.len());
        for serial in serials.iter().copied().chain(others.iter().map(|content| Serial::new(content).unwrap())) {
            prop_assert_eq!(set.contains(&serial), expected.contains(&serial), "{}", serial);
        }
    }
}

#[test]
fn an_empty_set_contains_nothing() {
    let set = SerialSet::new(std::iter::empty()).unwrap();
    assert!(set.is_empty() && !set.contains(&Serial::new(&[0]).unwrap()));
    assert_eq!(set.heap_bytes(), 0);
}

#[test]
fn one_serial_number_many_times_is_one() {
    let serial = Serial::new(&[7; 20]).unwrap();
    let set =
        SerialSet::new(std::iter::repeat_n(serial, 100_000).chain([Serial::new(&[8; 20]).unwrap()])).unwrap();
    assert_eq!((set.len(), set.longest_bucket() <= 2), (2, true));
    assert!(set.contains(&serial) && set.contains(&Serial::new(&[8; 20]).unwrap()));
}

#[test]
fn lookups_do_not_grow_with_the_set() {
    // Consecutive numbers, the worst for a poor hash.
    for count in [1_000_u32, 10_000, 100_000] {
        let set =
            SerialSet::new((0..count).map(|n| Serial::new(&(n | 1 << 30).to_be_bytes()).unwrap())).unwrap();
        assert_eq!(set.len(), count as usize);
        assert!(set.longest_bucket() <= 40, "{}", set.longest_bucket());
    }
}

#[test]
fn a_million_entries_stay_below_24_octets_each() {
    for width in [16, 20] {
        let crl = synthetic(width, MILLION);
        assert_eq!(crl.len(), MILLION);
        assert!(crl.heap_bytes() <= 24 * MILLION, "{width}: {}", crl.heap_bytes());
        assert!((0..MILLION).step_by(997).all(|n| crl.contains(&Serial::new(&content(width, n)).unwrap())));
        assert!((MILLION..MILLION + 1_000).all(|n| !crl.contains(&Serial::new(&content(width, n)).unwrap())));
    }
}

/// A CRL with `count` serial numbers of `width` octets, by way of its DER.
fn synthetic(width: usize, count: usize) -> Crl {
    let ca = Ca::new("Large CA");
    let mut entries = Vec::new();
    for n in 0..count {
        let (head, width) = (u8::try_from(width + 17).unwrap(), u8::try_from(width).unwrap());
        entries.extend([0x30, head, 2, width]);
        entries.extend(content(width.into(), n));
        entries.extend([0x17, 13]);
        entries.extend(b"250101000000Z");
    }
    let der = Draft { entries: Some(entries), ..Draft::of(&ca) }.signed_by(&ca);
    let parsed = ParsedCrl::parse(&der, LIMIT).unwrap();
    assert_eq!(parsed.length, count);
    parsed.verify([&ca.issuer], algorithms(), NOW).unwrap()
}

/// The `n`th serial number: random to look at, positive, and different for each `n`.
fn content(width: usize, n: usize) -> Vec<u8> {
    let mut state = n as u64;
    let mut octets = Vec::with_capacity(width + 8);
    octets.extend([0x40, 0, 0, 0]);
    octets.extend(u32::try_from(n).unwrap().to_be_bytes());
    while octets.len() < width {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        octets.extend((mixed ^ (mixed >> 27)).to_be_bytes());
    }
    octets.truncate(width);
    octets
}
