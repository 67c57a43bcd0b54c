//! The text that configuration was read from, and positions in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_span::Span;

use super::problem::{Problem, Problems};
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// A configuration file that was read, and where else configuration is from.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    text: Arc<str>,
    elsewhere: Option<Arc<dyn Places>>,
}

/// Documents that are not in the file. Their places are numbers beyond every file's length: [`FIRST_PLACE`] and higher.
pub trait Places: fmt::Debug + Send + Sync {
    /// What has this place.
    fn find(&self, place: usize) -> Option<StoredPlace>;
}

/// Places of documents begin here: no file is so long.
pub const FIRST_PLACE: usize = 1 << 40;

/// A value in a document that is not in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPlace {
    /// What the document is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// Where in it: a JSON pointer (RFC 6901).
    pub pointer: String,
}

impl fmt::Display for StoredPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)?;
        if self.pointer.is_empty() { Ok(()) } else { write!(f, " {}", self.pointer) }
    }
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
        Self { path: path.to_owned(), text: text.into(), elsewhere: None }
    }

    /// The same with documents that are not in the file.
    #[must_use]
    pub fn with(&self, elsewhere: Arc<dyn Places>) -> Self {
        Self { elsewhere: Some(elsewhere), ..self.clone() }
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

    /// What a span is about, where that is not in the file.
    pub fn stored(&self, span: Span) -> Option<StoredPlace> {
        if is_stored(span) { self.elsewhere.as_ref()?.find(span.start) } else { None }
    }

    /// Where else something is defined, as a message says it: `in line 7`, or `as stored application 2afa…`.
    pub fn mention(&self, span: Span) -> String {
        match self.stored(span) {
            Some(StoredPlace { kind, id, .. }) => format!("as stored {kind} {id}"),
            None => format!("in line {}", self.position(span.start).0),
        }
    }
}

/// Whether a span is about something that is not in the file.
pub fn is_stored(span: Span) -> bool {
    span.start >= FIRST_PLACE
}
