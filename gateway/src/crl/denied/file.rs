//! `denied.json`: written as a whole, or not at all.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::record::Denial;
use crate::state;

/// Of the file's format.
const VERSION: u32 = 1;

/// Why denials cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum DeniedFileError {
    /// There is no such folder.
    #[error("server.state_dir: {} is not a folder; create it, for the gateway's user alone", .0.display())]
    NoFolder(PathBuf),
    /// The system refused to have it read.
    #[error("cannot read {}, which has what operators denied: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is not what a gateway wrote.
    #[error(
        "{} is damaged: {error}; mend it or bring a copy back. Without it the gateway would let in who is denied",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    denied: Vec<Denial>,
}

#[derive(Serialize)]
struct ContentRef<'a> {
    version: u32,
    denied: &'a [Denial],
}

pub(super) fn check_folder(folder: &Path) -> Result<(), DeniedFileError> {
    if folder.is_dir() { Ok(()) } else { Err(DeniedFileError::NoFolder(folder.to_owned())) }
}

/// What the file says; nothing where there is none.
pub(super) fn read(path: &Path) -> Result<Vec<Denial>, DeniedFileError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DeniedFileError::Read { path: path.to_owned(), error }),
    };
    let content: Content = serde_json::from_slice(&text)
        .map_err(|error| DeniedFileError::Damaged { path: path.to_owned(), error })?;
    match content {
        Content { version: VERSION, denied } => Ok(denied),
        Content { version, .. } => Err(DeniedFileError::Version { path: path.to_owned(), version }),
    }
}

/// Replaces the file.
pub(super) fn write(path: &Path, denied: &[Denial]) -> Result<(), DeniedFileError> {
    let replace = || {
        let mut text = serde_json::to_vec_pretty(&ContentRef { version: VERSION, denied })?;
        text.push(b'\n');
        state::replace(path, &text)
    };
    replace().map_err(|error: io::Error| DeniedFileError::Write { path: path.to_owned(), error })
}
