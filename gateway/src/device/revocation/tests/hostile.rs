//! S16: webpki panicked on a CRL before it had checked the signature (RUSTSEC-2026-0104). Whatever the octets, these
//! come back.

use proptest::prelude::*;

use super::support::{
    Ca, Draft, LIMIT, NOW, algorithms, crl_number, data, entry, extension, key_id, reason, shard_point,
};
use crate::device::revocation::envelope::decode;
use crate::device::revocation::{CertificateId, DenyEntry, Issuer, IssuerId, ParsedCrl, Serial, Shard};

/// Everything that is done with a CRL's octets, errors shown included.
fn walk(der: &[u8], issuers: &[Issuer]) {
    match ParsedCrl::parse(der, LIMIT) {
        Ok(crl) => {
            assert_eq!(crl.entries().count(), crl.length, "no entry is lost");
            let _ = crl.shard.map(|name| Shard::new(name).to_string());
            let verified = crl.verify(issuers, algorithms(), NOW);
            let _ = verified.map_err(|error| error.to_string());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn samples() -> Vec<Vec<u8>> {
    let ca = Ca::new("CA");
    let busy = Draft::of(&ca)
        .with(crl_number(&[1, 2]))
        .with(key_id(ca.key_id()))
        .with(shard_point("http://crl.example.com/1"))
        .with(extension(46, false, b"?"))
        .entries(&[entry(&[1], &[&reason(1)]), entry(&[2; 20], &[])]);
    let mut samples = vec![busy.signed_by(&ca)];
    samples.extend([data!("openssl-rsa.crl"), data!("openssl-user_shard.crl")].map(<[u8]>::to_vec));
    samples
}

fn issuers() -> Vec<Issuer> {
    vec![Issuer::read(data!("rsa.cer")).unwrap(), Issuer::read(data!("ecdsa.cer")).unwrap()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn s16_arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        walk(&octets, &[]);
        let _ = decode(&octets, LIMIT);
        let _ = Issuer::read(&octets);
        let _ = Serial::new(&octets).map(|serial| (serial.to_string(), serial.decimal()));
        let _ = Shard::new(&octets).to_string();
        let _ = IssuerId::new(&octets, &octets);
    }

    #[test]
    fn s16_arbitrary_text_never_panics(text: String) {
        let _ = decode(text.as_bytes(), LIMIT);
        let _ = text.parse::<Serial>();
        let _ = text.parse::<IssuerId>();
        let _ = Serial::from_decimal(&text);
        let _ = DenyEntry::fingerprint(&text);
    }

    #[test]
    fn s16_damaged_crls_never_panic(
        sample in 0_usize..3,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        does_cut: bool,
    ) {
        let mut der = samples().swap_remove(sample);
        for (place, octet) in damage {
            let place = place.index(der.len());
            der[place] = octet;
        }
        if does_cut {
            der.truncate(cut.index(der.len()));
        }
        walk(&der, &issuers());
    }
}

#[test]
fn s16_every_cut_and_every_single_change_comes_back() {
    let issuers = issuers();
    for der in samples() {
        for length in 0..der.len() {
            assert!(ParsedCrl::parse(&der[..length], LIMIT).is_err());
        }
        for place in 0..der.len() {
            for octet in [0, 1, 0x7f, 0x80, 0xff, der[place] ^ 1, der[place] ^ 0x20] {
                let mut changed = der.clone();
                changed[place] = octet;
                walk(&changed, &issuers);
            }
        }
    }
}

#[test]
fn depth_and_lengths_are_no_lever() {
    let mut nested = Vec::new();
    for depth in 0..100_000_usize {
        nested.push(0x30);
        nested.extend([0x84, 0, 1, u8::try_from(depth >> 8 & 0xff).unwrap(), 0]);
    }
    walk(&nested, &[]);
    for lengths in [[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], [0x30, 0x80, 0, 0, 0, 0], [0x30, 0x88, 1, 1, 1, 1]]
    {
        walk(&lengths, &[]);
    }
    assert!(CertificateId::read(&nested, IssuerId::from_octets([0; 32])).is_err());
}
