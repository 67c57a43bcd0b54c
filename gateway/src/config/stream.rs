//! What `[[host]]` says about byte streams.

use toml_span::{DeserError, Deserialize, Value};

use super::value::word;

/// What is spoken behind a host's TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP; policy decides request by request.
    #[default]
    Https,
    /// Anything; decrypted bytes go to the origin as they come.
    Tls,
    /// TLS itself, which goes through to the origin as it is.
    Passthrough,
}

/// The header in front of what an origin of bytes gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// None.
    #[default]
    Off,
    /// Version 2 of the PROXY protocol.
    V2,
}

impl<'de> Deserialize<'de> for ProxyProtocol {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("off", Self::Off), ("v2", Self::V2)])
    }
}

impl Protocol {
    /// Whether TLS ends here.
    pub const fn terminates(self) -> bool {
        match self {
            Self::Https | Self::Tls => true,
            Self::Passthrough => false,
        }
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("https", Self::Https), ("tls", Self::Tls), ("passthrough", Self::Passthrough)])
    }
}
