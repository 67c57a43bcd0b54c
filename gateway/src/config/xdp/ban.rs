//! `[xdp.ban]`

use std::time::Duration;

use fleetgate_ebpf::gcra::Rate;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Value};

use crate::config::value::{Limit, Time};

/// `[xdp.ban]`: what one source may do wrong before it is banned, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Handshakes with one host that fail, without a certificate that is refused.
    pub handshakes: Rate,
    /// Certificates that one host refuses.
    pub certificates: Rate,
    /// Names that nobody serves.
    pub names: Rate,
    /// Requests to one host that are refused with a 403 or a 429.
    pub requests: Rate,
    /// How long a ban lasts.
    pub duration: Duration,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            handshakes: Rate::per_second(1, 60),
            certificates: Rate::per_second(1, 60),
            names: Rate::per_second(1, 60),
            requests: Rate::per_second(10, 600),
            duration: Duration::from_mins(10),
        }
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let mut rate = |key, default| table.optional::<Limit>(key).map_or(default, |limit| limit.0);
        let evidence = Self {
            handshakes: rate("handshakes", default.handshakes),
            certificates: rate("certificates", default.certificates),
            names: rate("names", default.names),
            requests: rate("requests", default.requests),
            duration: table.optional::<Time>("duration").map_or(default.duration, |time| time.0),
        };
        table.finalize(None)?;
        Ok(evidence)
    }
}
