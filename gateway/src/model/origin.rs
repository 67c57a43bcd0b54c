//! Where permitted traffic goes.

use std::fmt;
use std::str::FromStr;

/// An HTTP origin: `http://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginUrl {
    host: Box<str>,
    port: u16,
}

/// Why a text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Another scheme than `http`.
    #[error("`{0}` is not a supported origin; write http://HOST or http://HOST:PORT")]
    Scheme(String),
    /// No host, or something that is neither a name nor an address.
    #[error("`{0}` has no valid host; write http://HOST or http://HOST:PORT")]
    Host(String),
    /// A path, query or user information: the request brings its own path.
    #[error("`{0}` has more than a host and a port; the path comes from the request")]
    Extra(String),
}

impl OriginUrl {
    /// The name or address to connect to, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for OriginUrl {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(OriginError::Scheme(text.to_owned()));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(OriginError::Extra(text.to_owned()));
        }
        let bad = || OriginError::Host(text.to_owned());
        let authority: http::uri::Authority = authority.parse().map_err(|_| bad())?;
        let port = match authority.port_u16() {
            Some(0) => return Err(bad()),
            Some(port) => port,
            None if authority.as_str() == authority.host() => 80,
            None => return Err(bad()),
        };
        if authority.host().is_empty() {
            return Err(bad());
        }
        Ok(Self { host: authority.host().into(), port })
    }
}

impl fmt::Display for OriginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_and_an_ipv6_address_are_understood() {
        let origin: OriginUrl = "http://[::1]:9000".parse().unwrap();
        assert_eq!((origin.host(), origin.port()), ("::1", 9000));
        let origin: OriginUrl = "http://telemetry.internal/".parse().unwrap();
        assert_eq!((origin.host(), origin.port()), ("telemetry.internal", 80));
    }

    #[test]
    fn what_is_not_an_http_origin_is_refused() {
        for text in [
            "https://a",
            "a:80",
            "http://",
            "http://a/b",
            "http://u@a",
            "http://a:0",
            "http://a:x",
            "http://a?b",
        ] {
            assert!(text.parse::<OriginUrl>().is_err(), "{text}");
        }
    }
}
