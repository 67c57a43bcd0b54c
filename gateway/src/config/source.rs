//! The text that configuration was read from, and positions in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Problem, Problems};

/// A configuration file that was read.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// One problem that names the file and what to do.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        std::fs::read_to_string(path).map(|text| Self::new(path, text)).map_err(|error| {
            let problem = Problem::error(format!("cannot read {}: {error}", path.display()))
                .remedy("give the configuration file with --config FILE; it must be readable UTF-8");
            Problems::new(&Arc::new(Self::new(path, String::new())), vec![problem])
        })
    }

    /// A text as if it had been read from `path`.
    pub fn new(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A path in the file, taken from the file's own folder when it is relative.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before.get(line_start..).map_or(0, |line| line.chars().count()) + 1)
    }
}
