//! Whatever a CRL's octets, reading them comes back; and what is read is what the set built from it contains.

#![no_main]

use fleetgate::device::revocation::envelope::decode;
use fleetgate::device::revocation::{CertificateId, Issuer, IssuerId, ParsedCrl, SerialSet, Shard};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

fuzz_target!(|octets: &[u8]| {
    read(octets);
    for der in decode(octets, LIMIT).into_iter().flatten() {
        read(&der);
    }
    let _ = Issuer::read(octets);
    let _ = CertificateId::read(octets, IssuerId::from_octets([0; 32]));
});

fn read(der: &[u8]) {
    let Ok(crl) = ParsedCrl::parse(der, LIMIT).map_err(|error| error.to_string()) else { return };
    assert_eq!(crl.entries().count(), crl.length);
    let serials = || crl.entries().map(|entry| entry.serial);
    let set = SerialSet::new(serials()).expect("it fits");
    assert!(set.len() <= crl.length && serials().all(|serial| set.contains(&serial)));
    let _ = crl.shard.map(|name| Shard::new(name).to_string());
    let _ = crl.verify([], &[], 0).map_err(|error| error.to_string());
}
