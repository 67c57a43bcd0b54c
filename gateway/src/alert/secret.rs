//! What nobody but its receiver may read.

use std::fmt;

/// A secret. It is shown to nobody who prints it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Box<str>);

/// The text cannot be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has 1 to 1024 visible ASCII characters")]
pub(super) struct NotASecret;

impl Secret {
    /// # Errors
    /// It could not be sent in a header.
    pub(super) fn new(text: &str) -> Result<Self, NotASecret> {
        let good = (1..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self(text.into())) } else { Err(NotASecret) }
    }

    /// The text, for its receiver.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
