//! `[crl]`: how lists of revoked certificates are fetched, and how much is kept.

use std::path::PathBuf;
use std::time::Duration;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::value::{Time, at_least};

/// `[crl]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    /// Octets of a CRL file or answer at most.
    pub max_size: u32,
    /// From looking a URL's host up to the end of the answer.
    pub timeout: Duration,
    /// How often a URL is asked for a newer CRL; sooner where the CA replaces it sooner.
    pub refresh: Duration,
    /// Whether URLs may lead to loopback, link-local and private addresses.
    pub allow_private: bool,
    /// The CAs that https servers may have their certificates from, instead of the system's. PEM.
    pub ca: Option<Spanned<PathBuf>>,
}

impl Default for Crl {
    fn default() -> Self {
        Self {
            max_size: 64 * 1024 * 1024,
            timeout: Duration::from_secs(30),
            refresh: Duration::from_mins(15),
            allow_private: false,
            ca: None,
        }
    }
}

impl<'de> Deserialize<'de> for Crl {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let max_size = at_least(&mut table, "max_size", 1024, default.max_size);
        let timeout = table.optional::<Time>("timeout").map_or(default.timeout, |time| time.0);
        let refresh = table.optional::<Time>("refresh").map_or(default.refresh, |time| time.0);
        let allow_private = table.optional("allow_private").unwrap_or_default();
        let ca = table.optional_s::<String>("ca").map(Spanned::map);
        table.finalize(None)?;
        Ok(Self { max_size, timeout, refresh, allow_private, ca })
    }
}
