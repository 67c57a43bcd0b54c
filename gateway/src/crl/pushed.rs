//! Lists that operators pushed through the API, kept in `state_dir` over restarts: one for each CA, kind of certificate
//! and shard. A file is a line of JSON that says whose it is, and the DER.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::stored::digest_of;
use super::{Authority, subject};
use crate::device::revocation::{Crl, IssuerId};
use crate::state;

/// The folder in `state_dir`.
const FOLDER: &str = "pushed";
/// Of the files' format.
const VERSION: u32 = 1;
/// Octets of a file's first line at most; the name in it is the operator's.
const MAX_HEAD: u64 = 1 << 20;

/// Why a list that was pushed cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum PushedFileError {
    /// It is not what a gateway wrote.
    #[error("{} is damaged: {problem}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The system refused to have it read.
    #[error("cannot read {}, which has a CRL that an operator pushed: {error}", path.display())]
    Read {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system refused to have it written or removed.
    #[error("cannot change {}: {error}", path.display())]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// Whose a kept list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The name of the mTLS certificate that it was pushed for.
    pub(super) certificate: String,
    /// The CA whose list it is.
    pub(super) issuer: IssuerId,
    /// When it was pushed, in seconds since the epoch.
    pub(super) pushed_at: u64,
    pub(super) path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    version: u32,
    certificate: String,
    issuer: String,
    pushed_at: u64,
}

/// The heads of all that was kept.
pub(super) fn heads(state_dir: &Path) -> Result<Vec<Head>, PushedFileError> {
    let folder = state_dir.join(FOLDER);
    let failed = |error| PushedFileError::Read { path: folder.clone(), error };
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect::<Result<Vec<_>, _>>()?;
    // What a crash left half written has another ending.
    let lists = paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "crl"));
    let mut heads = lists.map(|path| Ok(open(path)?.0)).collect::<Result<Vec<_>, _>>()?;
    heads.sort_by(|a, b| (&a.certificate, &a.path).cmp(&(&b.certificate, &b.path)));
    Ok(heads)
}

/// Keeps a list that was pushed for the mTLS certificate with this name, in place of the one before.
pub(super) fn write(
    state_dir: &Path,
    certificate: &str,
    crl: &Crl,
    der: &[u8],
    pushed_at: u64,
) -> Result<(), PushedFileError> {
    let folder = state_dir.join(FOLDER);
    let path = folder.join(name_of(certificate, crl)).with_extension("crl");
    let (certificate, issuer) = (certificate.to_owned(), crl.issuer.to_string());
    let replace = || {
        state::make_folder(&folder)?;
        let mut file = serde_json::to_vec(&Line { version: VERSION, certificate, issuer, pushed_at })?;
        file.push(b'\n');
        file.extend(der);
        state::replace(&path, &file)
    };
    replace().map_err(|error| PushedFileError::Write { path: path.clone(), error })
}

impl Head {
    /// Whether it is a list of this CA.
    pub(super) fn is_of(&self, authority: &Authority) -> bool {
        *authority.name == self.certificate && authority.has(&self.issuer)
    }

    /// The name that its CA has by now, where that is another than the one that it was pushed for, and only one.
    pub(super) fn new_name<'a>(&self, authorities: &'a [Arc<Authority>]) -> Option<&'a str> {
        let mut having = authorities.iter().filter(|authority| authority.has(&self.issuer));
        match (having.next(), having.next()) {
            (Some(only), None) if *only.name != self.certificate => Some(&only.name),
            _ => None,
        }
    }

    /// The list. It was within `crl.max_size` when it was pushed; what is in it is checked like anything that is pushed.
    pub(super) fn read(&self) -> Result<Vec<u8>, PushedFileError> {
        let (_, mut rest) = open(&self.path)?;
        let mut der = Vec::new();
        let failed = |error| PushedFileError::Read { path: self.path.clone(), error };
        rest.read_to_end(&mut der).map_err(failed)?;
        Ok(der)
    }

    /// Removes the list.
    pub(super) fn remove(&self) -> Result<(), PushedFileError> {
        state::remove(&self.path).map_err(|error| PushedFileError::Write { path: self.path.clone(), error })
    }

    pub(super) fn damaged(&self, problem: String) -> PushedFileError {
        PushedFileError::Damaged { path: self.path.clone(), problem }
    }
}

/// A name that is the same for what replaces a list, and that any mTLS certificate can have.
fn name_of(certificate: &str, crl: &Crl) -> String {
    digest_of(format!("{} {certificate}", subject::digest_of(crl)).as_bytes())
}

/// The head of a file, and what comes after it.
fn open(path: &Path) -> Result<(Head, BufReader<File>), PushedFileError> {
    let failed = |error| PushedFileError::Read { path: path.to_owned(), error };
    let damaged = |problem| PushedFileError::Damaged { path: path.to_owned(), problem };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut line = Vec::new();
    file.by_ref().take(MAX_HEAD).read_until(b'\n', &mut line).map_err(failed)?;
    let line: Line = serde_json::from_slice(&line).map_err(|error| damaged(error.to_string()))?;
    if line.version != VERSION {
        return Err(damaged(format!("it is of version {}, and this gateway reads {VERSION}", line.version)));
    }
    let issuer = line.issuer.parse().map_err(|_| damaged("its issuer is none".to_owned()))?;
    let head =
        Head { certificate: line.certificate, issuer, pushed_at: line.pushed_at, path: path.to_owned() };
    Ok((head, file))
}
