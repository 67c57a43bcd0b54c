//! Where CRLs come from.

use std::fmt;
use std::path::PathBuf;

use super::url::{CrlUrl, UrlError};

/// Where CRLs come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The admin socket, by which operators push them.
    Api,
    /// A file, looked at again and again.
    File(PathBuf),
    /// A URL, asked again and again.
    Url(CrlUrl),
}

impl Source {
    /// What a configuration says: a URL, or a path, which `resolve` makes absolute.
    ///
    /// # Errors
    /// A URL that is not fetched from.
    pub fn read(text: &str, resolve: impl Fn(&str) -> PathBuf) -> Result<Self, UrlError> {
        if text.contains("://") {
            CrlUrl::configured(text).map(Self::Url)
        } else {
            Ok(Self::File(resolve(text)))
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api => f.write_str("api"),
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}
