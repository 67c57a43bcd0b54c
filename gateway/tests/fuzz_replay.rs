//! The fuzz targets of `fuzz/` on their seeds, and on what a bounded number of changes makes of them: what cargo-fuzz looks
//! for over hours, in a second of each test run.
#![cfg(test)]

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;

#[path = "../../fuzz/src/identity.rs"]
mod identity;
#[path = "../../fuzz/src/pem.rs"]
mod pem;

/// A seed after a few octets of it were replaced, and perhaps its end was cut off.
fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    (select(seeds), changes, prop::option::of(any::<Index>())).prop_map(|(mut octets, changes, end)| {
        if !octets.is_empty() {
            for (place, octet) in changes {
                *place.get_mut(&mut octets) = octet;
            }
            octets.truncate(end.map_or(octets.len(), |end| end.index(octets.len())));
        }
        octets
    })
}

#[test]
fn seeds_of_identities_are_read_for_what_they_are() {
    for seed in identity::seeds() {
        assert!(identity::check(&seed) > 0, "{seed:02x?}");
    }
}

#[test]
fn seeds_of_files_with_cas_are_loaded_whole_or_refused() {
    let seeds = pem::seeds();
    let loaded = seeds.iter().filter(|seed| pem::check(seed)).count();
    assert!((1..seeds.len()).contains(&loaded), "{loaded} of {}", seeds.len());
}

/// The same changes in each run: what fails here fails everywhere.
fn always_the_same() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(always_the_same())]

    #[test]
    fn a_damaged_identity_is_read_for_what_it_is_or_not_at_all(octets in damaged(identity::seeds())) {
        identity::check(&octets);
    }

    #[test]
    fn a_damaged_file_with_cas_is_loaded_whole_or_refused(octets in damaged(pem::seeds())) {
        pem::check(&octets);
    }

    #[test]
    fn arbitrary_octets_are_too(octets in prop::collection::vec(any::<u8>(), 0..512)) {
        identity::check(&octets);
        pem::check(&octets);
    }
}
