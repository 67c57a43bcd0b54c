//! `[xdp.table]`

use fleetgate_ebpf::abi::{MAX_BANS, MAX_FLOWS, MAX_PREFIXES, MAX_SOURCES, MAX_VERIFIED};
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use crate::config::value::invalid;

/// `[xdp.table]`: what is remembered at once; the longest unused goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Flows between their SYN and their end.
    pub flows: u32,
    /// Sources with their limits.
    pub sources: u32,
    /// Sources of verified devices.
    pub verified: u32,
    /// Banned sources, and as many that are banned from one host.
    pub bans: u32,
    /// Prefixes in `xdp.allow` and `xdp.deny`.
    pub prefixes: u32,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            flows: MAX_FLOWS,
            sources: MAX_SOURCES,
            verified: MAX_VERIFIED,
            bans: MAX_BANS,
            prefixes: MAX_PREFIXES,
        }
    }
}

impl<'de> Deserialize<'de> for Tables {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let mut size = |key, default| {
            let size = table.optional_s(key).unwrap_or(Spanned::new(default));
            if !(64..=16_777_216).contains(&size.value) {
                let error = invalid("a table has 64 to 16777216 entries".to_owned(), size.span);
                table.errors.extend(error.errors);
            }
            size.value
        };
        let tables = Self {
            flows: size("flows", default.flows),
            sources: size("sources", default.sources),
            verified: size("verified", default.verified),
            bans: size("bans", default.bans),
            prefixes: size("prefixes", default.prefixes),
        };
        table.finalize(None)?;
        Ok(tables)
    }
}
