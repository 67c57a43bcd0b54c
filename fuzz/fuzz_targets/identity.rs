//! Whatever a certificate says of its device, it is read for what it is or not at all.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "its seeds are for src/bin/seeds.rs")]
#[path = "../src/identity.rs"]
mod identity;

fuzz_target!(|octets: &[u8]| {
    identity::check(octets);
});
