//! A CA's key: in a file, or in a token, where the command line has a PKCS #11 URI.

use std::path::PathBuf;

use super::said;
use crate::pki::key::Passphrase;
use crate::pki::pkcs11::{TokenKey, Uri};
use crate::pki::{Key, Signer};

/// The key at `place`, which is a PKCS #11 URI, or for `file` to read. `pin` is asked where the URI does not have it.
pub(super) fn signer(
    place: &str,
    pin: impl FnOnce() -> Result<Option<Passphrase>, String>,
    file: impl FnOnce() -> Result<Key, String>,
) -> Result<Box<dyn Signer>, String> {
    if !Uri::is_one(place) {
        return Ok(Box::new(file()?));
    }
    let uri: Uri = place.parse().map_err(|error| format!("{}: {error}", shown(place).display()))?;
    let pin = if uri.has_pin() { None } else { pin()? };
    Ok(Box::new(TokenKey::open(&uri, pin.as_ref()).map_err(said)?))
}

/// What a key is called in messages: what stands behind a URI's `?` may be the PIN.
pub(super) fn shown(place: &str) -> PathBuf {
    let named = if Uri::is_one(place) { place.split('?').next() } else { None };
    named.unwrap_or(place).into()
}
