//! `[access]`: who issues application tokens, how keys and tokens are kept, and what rules refer to.

use std::path::PathBuf;
use std::time::Duration;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::value::{Parsed, Time, at_least, invalid};
use crate::model::issuer::Issuer;

/// Tokens of the key before are honoured for a week, and only one key before is kept.
const SHORTEST_ROTATION: Duration = Duration::from_hours(24 * 7);

/// Cloudflare's six weeks.
const USUAL_ROTATION: Duration = Duration::from_hours(24 * 42);

/// `[access]`
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// Who issues the tokens of all hosts; none is each host for itself.
    pub team_domain: Option<Issuer>,
    /// How long a key signs, where the file says so.
    pub key_rotation: Option<Duration>,
    /// Issued tokens that are kept at most, to be used again.
    pub token_cache: u32,
    /// Which addresses are in which country: a database in `MaxMind`'s format.
    pub geo_database: Option<Spanned<PathBuf>>,
}

impl Access {
    /// How long a key signs, where `stored` is what the API was told.
    pub fn key_rotation(&self, stored: Option<Duration>) -> Duration {
        self.key_rotation.or(stored).unwrap_or(USUAL_ROTATION)
    }
}

impl Default for Access {
    fn default() -> Self {
        Self { team_domain: None, key_rotation: None, token_cache: 100_000, geo_database: None }
    }
}

impl<'de> Deserialize<'de> for Access {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let team_domain = table.optional::<Parsed<Issuer>>("team_domain").map(|issuer| issuer.0);
        let key_rotation = table.optional_s::<Time>("key_rotation");
        let token_cache = at_least(&mut table, "token_cache", 1, default.token_cache);
        let key_rotation = key_rotation.map(|Spanned { value: Time(time), span }| {
            if time < SHORTEST_ROTATION {
                let message = "`key_rotation` must be at least 7d: that long tokens of the key before count";
                table.errors.extend(invalid(message.to_owned(), span).errors);
            }
            time
        });
        let geo_database = table.optional_s::<String>("geo_database").map(Spanned::map);
        table.finalize(None)?;
        Ok(Self { team_domain, key_rotation, token_cache, geo_database })
    }
}
