//! `[metrics]` and `[log]`.

use std::net::SocketAddr;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Value};

use super::value::{Parsed, word};

/// `[metrics]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Where `/metrics`, `/livez` and `/readyz` are served over plain HTTP.
    pub listen: SocketAddr,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 9090).into() }
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let listen = table.optional::<Parsed<SocketAddr>>("listen");
        table.finalize(None)?;
        Ok(listen.map_or_else(Self::default, |listen| Self { listen: listen.0 }))
    }
}

/// `[log]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The access log.
    pub access: AccessLog,
    /// The audit log.
    pub audit: AccessLog,
}

/// What is written to standard output: for each request and each failed handshake, or for each decision that denies or is
/// the first of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// A line of JSON.
    #[default]
    Json,
    /// Nothing.
    Off,
}

impl<'de> Deserialize<'de> for AccessLog {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("json", Self::Json), ("off", Self::Off)])
    }
}

impl<'de> Deserialize<'de> for Log {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let access = table.optional("access").unwrap_or_default();
        let audit = table.optional("audit").unwrap_or_default();
        table.finalize(None)?;
        Ok(Self { access, audit })
    }
}
