//! How long a large CRL takes to be made: `cargo run --release --package fleetgate --example crl_write [ENTRIES]`.
//!
//! It is made as `fleetgate pki crl new --serials-file` makes it: the serial numbers are read from text, the list is signed
//! with P-256, and the file is written.
#![expect(clippy::print_stdout, reason = "this is a command")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use fleetgate::device::revocation::Entry;
use fleetgate::pki::crl::{LIFE, List, now, serials};
use fleetgate::pki::profile::{PathLength, Validity};
use fleetgate::pki::write::{self, Output};
use fleetgate::pki::{Authority, Key, KeyKind, Name, Profile, Subject, serial};
use time::OffsetDateTime;

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let ca = authority()?;
    let text = file_of(count)?;
    let path = std::env::temp_dir().join(format!("fleetgate-crl-write-{}.crl", std::process::id()));

    let begin = Instant::now();
    let listed = serials::read(&text, None)?;
    let read = begin.elapsed();
    let mut list = List::new(now(), LIFE)?;
    let revoked_at = list.this_update;
    list.add(listed.into_iter().map(|listed| Entry {
        serial: listed.serial,
        revoked_at,
        reason: listed.reason,
    }));
    let der = list.sign(&ca)?;
    let signed = begin.elapsed();
    write::write(&[Output { path: path.clone(), content: &der, secret: false }], true)?;
    let written = begin.elapsed();
    fs::remove_file(path)?;

    let seconds = Duration::as_secs_f64;
    println!("{count} entries, {} octets, in {:.2} s", der.len(), seconds(&written));
    println!("  serial numbers read   {:.2} s", seconds(&read));
    println!("  laid out and signed   {:.2} s", seconds(&signed.saturating_sub(read)));
    println!("  written               {:.2} s", seconds(&written.saturating_sub(signed)));
    Ok(())
}

fn authority() -> Result<Authority, Box<dyn Error>> {
    let validity = Validity::starting(OffsetDateTime::now_utc(), Validity::ROOT);
    let subject = Subject { name: Name::parse(None, "CA")?, hosts: Vec::new() };
    let key = Key::generate(KeyKind::P256)?;
    Ok(Authority::root(&subject, &Profile::ca(PathLength(None), validity), Box::new(key))?)
}

/// Every third has a reason.
fn file_of(count: usize) -> Result<String, Box<dyn Error>> {
    let mut text = String::with_capacity(count * 48);
    for number in 0..count {
        let reason = if number % 3 == 0 { " superseded" } else { "" };
        writeln!(text, "{}{reason}", serial::random()?)?;
    }
    Ok(text)
}
