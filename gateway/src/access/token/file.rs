//! What is kept in `server.state_dir`: JSON files, replaced whole. What is wrong with one is never told in its own words,
//! because a private key may be among them.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::key::KeyError;
use crate::state;

/// Of both files' format.
const VERSION: u32 = 1;

/// Why what is kept cannot be read, or something cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not what a gateway wrote.
    #[error("{} is damaged, at line {line} and column {column}; {}", path.display(), remedy(path))]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A key in it.
    #[error("{}: {error}; {}", path.display(), remedy(path))]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with the key.
        error: KeyError,
    },
    /// The system refused to have it read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A later gateway wrote it.
    #[error("{} is of version {version}, and this gateway reads version {VERSION}", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// The version that it says.
        version: u32,
    },
    /// The system refused to have it written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

fn remedy(path: &Path) -> &'static str {
    if path.ends_with(super::keys_file::NAME) {
        "bring a copy back, or remove it: a new key is made then, and tokens of the old ones are refused"
    } else {
        "mend it or bring a copy back: without it tokens that an operator revoked would count"
    }
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    #[serde(flatten)]
    content: &'a T,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// What the file says; nothing where there is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::Read { path: path.to_owned(), error }),
    };
    let damaged = |error: serde_json::Error| FileError::Damaged {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    };
    let Version { version } = serde_json::from_slice(&text).map_err(damaged)?;
    if version != VERSION {
        return Err(FileError::Version { path: path.to_owned(), version });
    }
    serde_json::from_slice(&text).map(Some).map_err(damaged)
}

/// Replaces the file.
pub(super) fn write<T: Serialize>(path: &Path, content: &T) -> Result<(), FileError> {
    let replace = || {
        let mut text = serde_json::to_vec_pretty(&Written { version: VERSION, content })?;
        text.push(b'\n');
        state::replace(path, &text)
    };
    replace().map_err(|error: io::Error| FileError::Write { path: path.to_owned(), error })
}
