//! Whatever comes first on a connection, the XDP program reads no other name in it than rustls does.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../src/hello.rs"]
mod hello;

fuzz_target!(|bytes: &[u8]| {
    hello::check(bytes);
});
