//! `[limit]`, and what a host says otherwise in `limit = {…}`.

use std::num::NonZeroU32;

use fleetgate_ebpf::gcra::Rate;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Value};

use super::value::{Limit, invalid};
use crate::model::limit::{ByteRate, DeviceLimit};

/// What is said of devices' limits in one place; what it is silent about is taken from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitChoice {
    requests: Option<Rate>,
    /// 0: any number.
    connections: Option<u32>,
    bytes: Option<Bytes>,
}

impl LimitChoice {
    /// What holds where `otherwise` would.
    pub fn or(self, otherwise: DeviceLimit) -> DeviceLimit {
        DeviceLimit {
            requests: self.requests.unwrap_or(otherwise.requests),
            connections: self.connections.map_or(otherwise.connections, NonZeroU32::new),
            bytes: self.bytes.map_or(otherwise.bytes, |bytes| bytes.0),
        }
    }
}

impl<'de> Deserialize<'de> for LimitChoice {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let choice = Self {
            requests: table.optional::<Limit>("requests").map(|limit| limit.0),
            connections: table.optional("connections"),
            bytes: table.optional("bytes"),
        };
        table.finalize(None)?;
        Ok(choice)
    }
}

/// A rate of bytes, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bytes(Option<ByteRate>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(None)?;
        if text == "off" {
            return Ok(Self(None));
        }
        text.parse().map(|rate| Self(Some(rate))).map_err(|error| {
            invalid(format!("`{text}` is not a rate of bytes: {error}, or \"off\""), value.span)
        })
    }
}
