//! The CA that signs, as cfssl's arguments name it.

use std::env;
use std::path::Path;

use zeroize::Zeroizing;

use super::go_flags;
use super::said;
use crate::device::pem;
use crate::pki::key::Passphrase;
use crate::pki::{Authority, Key};

/// The CA with this certificate and key, each a file, `-`, `file:NAME` or `env:VARIABLE`.
pub(super) fn authority(certificate: &str, key: &str) -> Result<Authority, String> {
    let (path, text) = (Path::new(certificate), read(certificate)?);
    let der = pem::certificates_in(&text, path).map_err(said)?.into_iter().next();
    let der = der.ok_or_else(|| format!("{certificate} holds no certificate"))?;
    Authority::assemble(der, Box::new(ca_key(key)?), path, Path::new(key)).map_err(said)
}

/// A CA's key.
pub(super) fn ca_key(place: &str) -> Result<Key, String> {
    Key::parse(&read(place)?, Path::new(place), password().as_ref()).map_err(said)
}

/// cfssl's own variable for a CA key's passphrase.
fn password() -> Option<Passphrase> {
    let text = Zeroizing::new(env::var("CFSSL_CA_PK_PASSWORD").ok()?);
    Some(Passphrase::new(&text)).filter(|passphrase| !passphrase.is_empty())
}

fn read(place: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    match place.strip_prefix("env:") {
        None => go_flags::read(place.strip_prefix("file:").unwrap_or(place)),
        Some(variable) => {
            let value =
                env::var(variable).map_err(|_| format!("there is no environment variable {variable}"))?;
            Ok(Zeroizing::new(value.into_bytes()))
        }
    }
}
