//! Devices that `fleetgate pki fleet` made: its manifest lists them, a line each.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The manifest, in the folder of all of them.
const MANIFEST: &str = "manifest.jsonl";

/// A manifest that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line of it is no device.
    #[error("{}:{line}: {error}; `fleetgate pki fleet` writes it", path.display())]
    Line {
        /// The manifest.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// There are not as many devices.
    #[error("{}: {listed} devices, and {wanted} are wanted; `fleetgate pki fleet --count {wanted}` adds some", path.display())]
    Few {
        /// The manifest.
        path: PathBuf,
        /// Devices in it.
        listed: usize,
        /// Devices that there should be.
        wanted: usize,
    },
}

/// What a line says.
#[derive(Deserialize)]
struct Entry {
    name: String,
    /// Its certificate, from the manifest's folder on. The key is beside it.
    file: PathBuf,
}

/// The first `wanted` devices in a folder: where the files of each are, and its name. `None` where the folder has no manifest.
///
/// # Errors
/// [`ManifestError`].
pub fn listed(folder: &Path, wanted: usize) -> Result<Option<Vec<(PathBuf, String)>>, ManifestError> {
    let path = folder.join(MANIFEST);
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| ManifestError::Read { path: path.clone(), error })?;
    let entries = text.lines().zip(1..).map(|(line, number)| {
        let entry = serde_json::from_str(line);
        let Entry { name, file } =
            entry.map_err(|error| ManifestError::Line { path: path.clone(), line: number, error })?;
        Ok((folder.join(file).with_file_name(""), name))
    });
    let entries: Vec<_> = entries.take(wanted).collect::<Result<_, ManifestError>>()?;
    match entries.len() {
        listed if listed < wanted => Err(ManifestError::Few { path, listed, wanted }),
        _ => Ok(Some(entries)),
    }
}
