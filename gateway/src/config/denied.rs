//! `[denied]`: how much operators may deny beside the CRLs.

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Value};

use super::value::at_least;

/// `[denied]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Local denials at most.
    pub max_entries: u32,
}

impl Default for Denied {
    fn default() -> Self {
        Self { max_entries: 100_000 }
    }
}

impl<'de> Deserialize<'de> for Denied {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let max_entries = at_least(&mut table, "max_entries", 1, Self::default().max_entries);
        table.finalize(None)?;
        Ok(Self { max_entries })
    }
}
