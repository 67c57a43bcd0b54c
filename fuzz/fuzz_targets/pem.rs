//! Whatever is in a file with CAs, it is loaded whole or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "its seeds are for src/bin/seeds.rs")]
#[path = "../src/pem.rs"]
mod pem;

fuzz_target!(|octets: &[u8]| {
    pem::check(octets);
});
