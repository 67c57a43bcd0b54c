//! Counts that were found good, in a file of the repository.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Counts, and what they were counted on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// What they were counted on.
    pub host: String,
    /// Instructions of the server's side of a handshake with a device that it knows.
    pub handshake: f64,
    /// Instructions of the whole gateway for a request of 2 KiB on a held connection.
    pub request: f64,
    /// Instructions of a decision among 500 applications, by the last of 50 rules.
    pub decide: f64,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// No file.
    #[error("{}: {error}; `cargo xtask bench instructions --update` writes it", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It says something else.
    #[error("{}: {error}; `cargo xtask bench instructions --update` writes it anew", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// What.
        error: serde_json::Error,
    },
}

impl Baseline {
    /// The one in a file.
    ///
    /// # Errors
    /// When there is none.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let text = fs::read(path).map_err(|error| BaselineError::File { path: path.to_owned(), error })?;
        serde_json::from_slice(&text).map_err(|error| BaselineError::Json { path: path.to_owned(), error })
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        let rounded = Self {
            handshake: self.handshake.round(),
            request: self.request.round(),
            decide: self.decide.round(),
            host: self.host.clone(),
        };
        let json = serde_json::to_string_pretty(&rounded)
            .map_err(|error| BaselineError::Json { path: path.to_owned(), error })?;
        fs::write(path, json + "\n").map_err(|error| BaselineError::File { path: path.to_owned(), error })
    }

    /// Its counts, by name.
    pub(super) fn figures(&self) -> [(&'static str, f64); 3] {
        [("handshake", self.handshake), ("request", self.request), ("decide", self.decide)]
    }
}
