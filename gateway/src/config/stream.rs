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
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("https", Self::Https), ("tls", Self::Tls)])
    }
}
