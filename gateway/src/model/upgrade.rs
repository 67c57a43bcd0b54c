//! Protocols that a request may switch its connection to (RFC 9110, 7.8).

use std::str::FromStr;

use http::HeaderValue;

/// A protocol by its name in `Upgrade`, with a version where it has one: `websocket`, `SPDY/3.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeProtocol(HeaderValue);

/// The text is no protocol that a connection may be switched to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAProtocol {
    /// It is no token, nor two with a slash between.
    #[error("not the name of a protocol as `Upgrade` has it, like websocket")]
    Syntax,
    /// What comes behind it are requests, and nobody would decide about them.
    #[error("its requests would go past every policy")]
    Requests,
}

impl UpgradeProtocol {
    /// WebSocket (RFC 6455).
    pub const WEBSOCKET: Self = Self(HeaderValue::from_static("websocket"));

    /// Whether an `Upgrade` header names this protocol and nothing else.
    pub fn is_named_by(&self, header: &HeaderValue) -> bool {
        header.as_bytes().trim_ascii().eq_ignore_ascii_case(self.0.as_bytes())
    }

    /// What `Upgrade` has to say.
    pub fn as_header(&self) -> &HeaderValue {
        &self.0
    }
}

impl FromStr for UpgradeProtocol {
    type Err = NotAProtocol;

    fn from_str(text: &str) -> Result<Self, NotAProtocol> {
        let (name, version) = text.split_once('/').unwrap_or((text, "1"));
        if !is_token(name) || !is_token(version) {
            return Err(NotAProtocol::Syntax);
        }
        if ["h2c", "h2", "http", "tls"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return Err(NotAProtocol::Requests);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| NotAProtocol::Syntax)
    }
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_version_at_most() {
        for text in ["websocket", "SPDY/3.1", "x-own", "tcp"] {
            assert!(text.parse::<UpgradeProtocol>().is_ok(), "{text}");
        }
        for text in ["", "/", "a/", "/1", "a/1/2", "a b", "a, b", "ü", "a\r\n", "\"a\""] {
            assert_eq!(text.parse::<UpgradeProtocol>(), Err(NotAProtocol::Syntax), "{text}");
        }
    }

    #[test]
    fn what_carries_requests_is_refused() {
        for text in ["h2c", "H2C", "h2", "HTTP/2.0", "TLS/1.3"] {
            assert_eq!(text.parse::<UpgradeProtocol>(), Err(NotAProtocol::Requests), "{text}");
        }
    }

    #[test]
    fn a_header_names_one_protocol_in_any_case() {
        let named = |text| UpgradeProtocol::WEBSOCKET.is_named_by(&HeaderValue::from_static(text));
        assert!(named("websocket") && named("WebSocket") && named(" websocket "));
        for text in ["", "websocket, h2c", "h2c, websocket", "websockets", "websocket/13"] {
            assert!(!named(text), "{text}");
        }
    }
}
