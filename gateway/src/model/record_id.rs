//! What a kept resource is found by, within its kind.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::id::ResourceId;

/// The longest id, in octets: a hostname's, and some.
const MAX: usize = 256;

/// An id within a kind: a UUID, a hostname, or a word where there is only one. Visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(Arc<str>);

/// The text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to {MAX} visible ASCII characters")]
pub struct NotARecordId;

impl RecordId {
    /// The id of what there is only one of.
    pub fn only() -> Self {
        Self("self".into())
    }

    /// What comes before every id, for ranges.
    pub(crate) fn first() -> Self {
        Self("".into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecordId {
    type Err = NotARecordId;

    fn from_str(text: &str) -> Result<Self, NotARecordId> {
        let good = (1..=MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self(text.into())) } else { Err(NotARecordId) }
    }
}

impl From<ResourceId> for RecordId {
    fn from(id: ResourceId) -> Self {
        Self(id.to_string().into())
    }
}

impl Borrow<str> for RecordId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_visible() {
        for text in ["self", "*.example.com", "2afa6e05-81e5-519b-92e3-480ae175f540", &"a".repeat(MAX)] {
            assert_eq!(text.parse::<RecordId>().unwrap().as_str(), text);
        }
        for text in ["", "a b", "a\n", "ä", &"a".repeat(MAX + 1)] {
            assert_eq!(text.parse::<RecordId>(), Err(NotARecordId), "{text:?}");
        }
    }
}
