//! Which CA certificates were accepted before: what has expired since stays loaded, and what is new has to be good.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::device::identity::Fingerprint;
use crate::state;

/// The file in `state_dir`.
const FILE: &str = "accepted-cas.json";
/// Of the file's format.
const VERSION: u32 = 1;

/// What is known of CA certificates that were accepted before.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// Nothing: no certificate can be told to be new, so none is refused for its age.
    Unknown,
    /// These, and no others.
    Known(BTreeSet<Fingerprint>),
}

/// What a start is told of acceptances, and where they are kept for the next one.
#[derive(Debug, Default)]
pub struct Record {
    path: Option<PathBuf>,
    /// What the file says, as far as that is known.
    kept: Option<BTreeSet<Fingerprint>>,
}

/// Why a record says nothing.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("it is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    #[error("it is damaged: {0:?} is no fingerprint")]
    Fingerprint(String),
    #[error("it is of version {0}, and this gateway reads version {VERSION}")]
    Version(u32),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    /// SHA-256 of each certificate, in hexadecimal.
    accepted: Vec<String>,
}

impl Accepted {
    /// Whether a certificate was never accepted, as far as anybody knows.
    pub fn is_new(&self, fingerprint: &Fingerprint) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known(known) => !known.contains(fingerprint),
        }
    }
}

impl Record {
    /// Opens the record in `state_dir`. Where there is no folder, nothing is known and nothing is kept; where there is no
    /// file in it, nothing was accepted yet. A file that cannot be read is as good as unknown: it must not hold up a
    /// start, since it decides on no device.
    pub fn open(state_dir: Option<&Path>) -> Self {
        let Some(path) = state_dir.map(|folder| folder.join(FILE)) else { return Self::default() };
        let kept = match read(&path) {
            Ok(kept) => Some(kept),
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "which CAs were accepted before is not known; none is refused for its age");
                None
            }
        };
        Self { path: Some(path), kept }
    }

    /// What it says.
    pub fn accepted(&self) -> Accepted {
        self.kept.clone().map_or(Accepted::Unknown, Accepted::Known)
    }

    /// Makes it say that these are accepted, and no others. This waits for the disk.
    pub fn keep(&mut self, accepted: &BTreeSet<Fingerprint>) {
        let Some(path) = self.path.as_ref().filter(|_| self.kept.as_ref() != Some(accepted)) else { return };
        match write(path, accepted) {
            Ok(()) => self.kept = Some(accepted.clone()),
            Err(error) => {
                let path = path.display();
                tracing::error!(%path, %error, "which CAs are accepted could not be kept for the next start");
            }
        }
    }
}

fn read(path: &Path) -> Result<BTreeSet<Fingerprint>, RecordError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error.into()),
    };
    let Content { version, accepted } = serde_json::from_slice(&text)?;
    if version != VERSION {
        return Err(RecordError::Version(version));
    }
    let fingerprint = |text: String| text.parse().map_err(|_| RecordError::Fingerprint(text));
    accepted.into_iter().map(fingerprint).collect()
}

fn write(path: &Path, accepted: &BTreeSet<Fingerprint>) -> io::Result<()> {
    let content = Content { version: VERSION, accepted: accepted.iter().map(Fingerprint::hex).collect() };
    let mut text = serde_json::to_vec_pretty(&content)?;
    text.push(b'\n');
    state::replace(path, &text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    const ONE: Fingerprint = Fingerprint([1; 32]);
    const OTHER: Fingerprint = Fingerprint([2; 32]);

    #[test]
    fn what_was_kept_is_known_after_a_restart_and_nothing_else_is() {
        let folder = TempDir::new().unwrap();
        let open = || Record::open(Some(folder.path()));
        assert!(open().accepted().is_new(&ONE), "the first start");
        for (kept, other) in [(ONE, OTHER), (OTHER, ONE)] {
            open().keep(&[kept].into());
            let accepted = open().accepted();
            assert!(!accepted.is_new(&kept) && accepted.is_new(&other));
        }
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, fs::read_dir(folder.path()).unwrap().count()), (0o600, 1));
    }

    #[test]
    fn without_a_folder_nothing_is_new_and_nothing_is_kept() {
        let mut record = Record::open(None);
        record.keep(&[ONE].into());
        assert!(!record.accepted().is_new(&ONE) && !record.accepted().is_new(&OTHER));
    }

    #[test]
    fn a_damaged_record_makes_nothing_new_and_is_mended_by_the_next_acceptance() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(FILE);
        let cases = [
            "",
            "{\"version\": 1, \"accepted\": [\"ab\"]}",
            "{\"version\": 2, \"accepted\": []}",
            "{\"version\": 1, \"accepted\": [], \"more\": 1}",
        ];
        for text in cases {
            fs::write(&path, text).unwrap();
            let mut record = Record::open(Some(folder.path()));
            assert!(!record.accepted().is_new(&ONE), "{text}");
            record.keep(&BTreeSet::new());
            assert!(Record::open(Some(folder.path())).accepted().is_new(&ONE), "{text}");
        }
    }
}
