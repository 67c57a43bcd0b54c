//! Certificates by the path of a PEM file, or themselves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_span::{DeserError, Deserialize, Value};

/// What every PEM text has, and no path.
const MARKER: &str = "-----BEGIN ";

/// Where a PEM text is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pem {
    /// In this file.
    File(PathBuf),
    /// Here.
    Inline(Arc<str>),
}

impl Pem {
    /// Where it is, for people.
    pub fn describe(&self, resolve: impl FnOnce(&Path) -> PathBuf) -> String {
        match self {
            Self::File(path) => resolve(path).display().to_string(),
            Self::Inline(_) => "`certificate`".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Pem {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(None)?;
        Ok(if text.contains(MARKER) { Self::Inline((&*text).into()) } else { Self::File((&*text).into()) })
    }
}
