//! The list of a fleet's devices: a line of JSON each.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::unistd::syncfs;
use serde::{Deserialize, Serialize};

use crate::device::identity::Fingerprint;

/// Its name in the fleet's folder.
const FILE: &str = "manifest.jsonl";

/// A device.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    /// Its common name.
    pub(super) name: &'a str,
    /// Its certificate's serial number, in hexadecimal.
    pub(super) serial: String,
    /// Its certificate's SHA-256.
    pub(super) fingerprint: String,
    /// Its certificate's file, from the fleet's folder.
    pub(super) file: String,
}

impl Line<'_> {
    /// Adds it to others.
    pub(super) fn write(&self, lines: &mut String) {
        // Nothing in it cannot be JSON.
        if let Ok(json) = serde_json::to_string(self) {
            lines.push_str(&json);
            lines.push('\n');
        }
    }
}

/// What is known of a device that is listed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) fingerprint: Fingerprint,
    pub(super) file: Box<str>,
}

/// The list, open and locked.
#[derive(Debug)]
pub(super) struct Manifest {
    path: PathBuf,
    file: Mutex<File>,
    devices: HashMap<Box<str>, Known>,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The system said no.
    #[error("{}: {error}", path.display())]
    File {
        /// The list.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another run has it.
    #[error("{}: another `fleetgate pki fleet` is at work in this folder", .0.display())]
    Locked(PathBuf),
    /// A line of it is damaged. The last one may be: it is then what a run left that was killed.
    #[error("{}: line {line} is not one of a fleet's manifest; mend it, or choose another folder", path.display())]
    Line {
        /// The list.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
}

impl Manifest {
    /// Opens the list in a folder, or begins it. A last line that is half written is taken away.
    pub(super) fn open(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join(FILE);
        let failed = |error| ManifestError::File { path: path.clone(), error };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ManifestError::Locked(path.clone()),
            TryLockError::Error(error) => failed(error),
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let whole = text.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end + 1);
        let (lines, rest) = text.split_at_checked(whole).unwrap_or((&text, &[]));
        if !rest.is_empty() {
            // A device whose line is lost is found by its files.
            file.set_len(whole as u64).map_err(failed)?;
        }
        let devices = read(lines).map_err(|line| ManifestError::Line { path: path.clone(), line })?;
        Ok(Self { path, file: Mutex::new(file), devices })
    }

    /// What is known of a device.
    pub(super) fn known(&self, name: &str) -> Option<&Known> {
        self.devices.get(name)
    }

    /// Whether devices are in folders of a thousand; nothing when there are none.
    pub(super) fn is_sharded(&self) -> Option<bool> {
        self.devices.values().next().map(|known| known.file.contains('/'))
    }

    /// Adds lines.
    pub(super) fn append(&self, lines: &str) -> Result<(), ManifestError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(lines.as_bytes()).map_err(|error| self.failed(error))
    }

    /// Waits until everything on its filesystem is on the disk: once for all files, not once a file.
    pub(super) fn sync(&self) -> Result<(), ManifestError> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        syncfs(&*file).map_err(|error| self.failed(error.into()))
    }

    fn failed(&self, error: io::Error) -> ManifestError {
        ManifestError::File { path: self.path.clone(), error }
    }
}

/// The devices that are listed, the last line of each; or the number of a line that is none.
fn read(lines: &[u8]) -> Result<HashMap<Box<str>, Known>, usize> {
    /// As it is read: a name may have escapes.
    #[derive(Deserialize)]
    struct Read {
        name: Box<str>,
        fingerprint: String,
        file: Box<str>,
    }
    let mut devices = HashMap::new();
    for (index, line) in lines.split(|octet| *octet == b'\n').enumerate().filter(|(_, line)| !line.is_empty())
    {
        let number = index + 1;
        let Read { name, fingerprint, file } = serde_json::from_slice(line).map_err(|_| number)?;
        let fingerprint = fingerprint.parse().map_err(|_| number)?;
        devices.insert(name, Known { fingerprint, file });
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LINE: &str = r#"{"name":"a","serial":"0A","fingerprint":"0000000000000000000000000000000000000000000000000000000000000001","file":"a.pem"}"#;

    fn opened(text: &str) -> (tempfile::TempDir, Result<Manifest, ManifestError>) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), text).unwrap();
        let manifest = Manifest::open(folder.path());
        (folder, manifest)
    }

    #[test]
    fn a_half_written_last_line_is_taken_away_and_the_others_stay() {
        for rest in [&LINE[..40], "{", LINE] {
            let (folder, manifest) = opened(&format!("{LINE}\n{rest}"));
            let manifest = manifest.unwrap();
            assert_eq!(&*manifest.known("a").unwrap().file, "a.pem");
            manifest.append("new\n").unwrap();
            assert_eq!(fs::read_to_string(folder.path().join(FILE)).unwrap(), format!("{LINE}\nnew\n"));
        }
    }

    #[test]
    fn a_damaged_line_before_others_is_told() {
        let (_folder, manifest) = opened(&format!("{LINE}\n{{\n{LINE}\n"));
        assert!(matches!(manifest, Err(ManifestError::Line { line: 2, .. })));
    }

    #[test]
    fn two_runs_do_not_share_a_folder() {
        let (folder, manifest) = opened("");
        assert!(matches!(Manifest::open(folder.path()), Err(ManifestError::Locked(_))));
        drop(manifest);
        Manifest::open(folder.path()).unwrap();
    }
}
