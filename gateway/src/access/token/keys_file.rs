//! `token-keys.json`: the key that signs, and the certificate over the one before it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::file::{self, FileError};
use super::key::{KeyError, PublicKey, Secret, SigningKey};
use super::keys::{KeySet, Retired};

/// The name of the file in `server.state_dir`.
pub(super) const NAME: &str = "token-keys.json";

#[derive(Serialize, Deserialize)]
struct Content {
    current: Current,
    previous: Option<Previous>,
}

#[derive(Serialize, Deserialize)]
struct Current {
    created: u64,
    private_key: Secret,
    certificate: Box<str>,
}

/// Its private half is not kept: nobody can sign with it any more.
#[derive(Serialize, Deserialize)]
struct Previous {
    created: u64,
    retired: u64,
    certificate: Box<str>,
}

/// The keys in the file; none where there is no file.
pub(super) fn read(path: &Path, now: u64) -> Result<Option<KeySet>, FileError> {
    let Some(content) = file::read::<Content>(path)? else { return Ok(None) };
    let keys = || {
        let Content { current: Current { created, private_key, certificate }, previous } = &content;
        let current = SigningKey::read(private_key, certificate, *created)?;
        let retired = |previous: &Previous| {
            let public = PublicKey::read(&previous.certificate, previous.created)?;
            Ok::<_, KeyError>(Retired { public, at: previous.retired })
        };
        let previous = previous.as_ref().map(retired).transpose()?;
        Ok(KeySet::new(current, previous, now))
    };
    keys().map(Some).map_err(|error| FileError::Key { path: path.to_owned(), error })
}

/// Keeps `keys`, of which `private_key` signs.
pub(super) fn write(path: &Path, keys: &KeySet, private_key: Secret) -> Result<(), FileError> {
    let public = &keys.current.public;
    let current = Current { created: public.created, private_key, certificate: public.certificate.clone() };
    let previous = keys.previous.as_ref().map(|Retired { public, at }| Previous {
        created: public.created,
        retired: *at,
        certificate: public.certificate.clone(),
    });
    file::write(path, &Content { current, previous })
}
