//! `fleetgate pki gencrl`, as `cfssl gencrl`

use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum as _;

use super::cfssl_ca;
use super::go_flags::{self, Flags, Known};
use super::said;
use crate::cli::print;
use crate::device::revocation::Entry;
use crate::pki::crl::serials::{self, Radix};
use crate::pki::crl::{self, LIFE, List};

pub(super) const HELP: &str = "Usage, as of `cfssl gencrl`:
  fleetgate pki gencrl [-serials hex|decimal] SERIALS CERT KEY [TIME]

  SERIALS          a file with one serial number a line; behind it may stand a reason, like keyCompromise
  CERT             the CA's certificate
  KEY              its key, or a PKCS #11 URI; a passphrase or PIN is read from CFSSL_CA_PK_PASSWORD
  TIME             seconds until the next CRL is due; a week unless it is given
  -serials         how bare digits are read, where the file does not tell

One of the files can be `-` for standard input. Prints the CRL's DER in base64.

cfssl reads decimal numbers only, and takes hexadecimal ones for others without a word. Here `0x`, colons and letters tell
hexadecimal numbers, more than 40 digits decimal ones, and a file that could be either is an error.

Example:
  fleetgate pki gencrl serials.txt ca.pem ca-key.pem | base64 -d > ca.crl";

const KNOWN: Known = Known { values: &["serials", "loglevel"], switches: &[] };

/// Runs the verb.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let flags = match Flags::parse(KNOWN, arguments) {
        Ok(flags) => flags,
        Err(error) => return Ok(go_flags::misused(&error)),
    };
    if flags.help {
        print(HELP);
        return Ok(ExitCode::SUCCESS);
    }
    let (serials, certificate, key, life) = match flags.arguments.as_slice() {
        [serials, certificate, key] => (serials, certificate, key, None),
        [serials, certificate, key, life] => (serials, certificate, key, Some(life.as_str())),
        _ => return Err("give SERIALS CERT KEY [TIME]; -help says more".to_owned()),
    };
    let life = life.map_or(Ok(LIFE), seconds)?;
    let radix = flags.get("serials").map(radix).transpose()?;
    let now = crl::now();
    let entries = entries(serials, radix, now.as_secs())?;
    let ca = cfssl_ca::authority(certificate, key)?;
    let mut list = List::new(now, life).map_err(said)?;
    list.add(entries);
    print(&STANDARD.encode(list.sign(&ca).map_err(said)?));
    Ok(ExitCode::SUCCESS)
}

fn entries(file: &str, radix: Option<Radix>, now: u64) -> Result<Vec<Entry>, String> {
    let text = go_flags::read(file)?;
    let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", go_flags::name(file));
    let text = std::str::from_utf8(&text).map_err(|_| of_file(&"this is not text"))?;
    let listed = serials::read(text, radix).map_err(|error| of_file(&error))?;
    let entries = listed.into_iter().map(|listed| Entry {
        serial: listed.serial,
        revoked_at: now,
        reason: listed.reason,
    });
    Ok(entries.collect())
}

/// Seconds, as Go reads them; 0 is the usual time.
fn seconds(text: &str) -> Result<Duration, String> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let seconds = u32::from_str_radix(digits, radix).ok();
    match seconds.filter(|seconds| *seconds <= i32::MAX.unsigned_abs()) {
        Some(0) => Ok(LIFE),
        Some(seconds) => Ok(Duration::from_secs(seconds.into())),
        None => Err(format!("TIME: `{text}` is no number of seconds; 1 to {} are", i32::MAX)),
    }
}

fn radix(text: &str) -> Result<Radix, String> {
    Radix::from_str(text, true).map_err(|_| format!("-serials: `{text}` is neither hex nor decimal"))
}
