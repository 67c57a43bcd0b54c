//! Times in files: `"500ms"`, `"10s"`, `"5m"`.

use std::time::Duration;

use serde::{Deserialize as _, Deserializer, de::Error as _};

/// For `#[serde(with = …)]`.
///
/// # Errors
/// When it is no such string.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| D::Error::custom(format!("`{text}`: {error}; a time is a string like \"10s\"")))
}
