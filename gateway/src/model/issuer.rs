//! Who issues application tokens: the claim `iss`, and the place where verifiers find the keys.

use std::fmt;
use std::str::FromStr;

use super::hostname::{HostPattern, Hostname, HostnameError};

/// `https://NAME` or `https://NAME:PORT`, without a slash at its end: what Cloudflare's documents call the team domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(Box<str>);

/// A text is no issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Its host name.
    #[error(transparent)]
    Name(#[from] HostnameError),
    /// What is behind the colon.
    #[error("what is behind the colon is no port")]
    Port,
    /// Another scheme, or a path.
    #[error("give a host name, with a port where it is not 443, and nothing else: auth.example.com")]
    Shape,
}

impl Issuer {
    /// The issuer of a host when the configuration names none: the host itself, which serves its keys. Of a wildcard, the
    /// name behind `*.`.
    pub fn of_host(host: &HostPattern) -> Self {
        let name = match host {
            HostPattern::Exact(name) | HostPattern::Wildcard(name) => name,
        };
        Self(format!("https://{name}").into())
    }

    /// As the claim `iss` has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Issuer {
    type Err = IssuerError;

    /// Reads a host name with or without port, `https://` before it, or a slash behind it.
    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let rest = text.strip_prefix("https://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(IssuerError::Shape);
        }
        let (name, port) = match rest.split_once(':') {
            None => (rest, None),
            Some((name, port)) => (name, Some(port)),
        };
        let port = match port {
            None => None,
            // `parse` alone would take a sign.
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse::<u16>().ok().filter(|port| *port != 0).ok_or(IssuerError::Port)?)
            }
            Some(_) => return Err(IssuerError::Port),
        };
        let name: Hostname = name.parse()?;
        let text = match port {
            None | Some(443) => format!("https://{name}"),
            Some(port) => format!("https://{name}:{port}"),
        };
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, IssuerError> {
        text.parse::<Issuer>().map(|issuer| issuer.to_string())
    }

    #[test]
    fn one_domain_is_one_issuer_however_it_is_written() {
        for text in ["auth.example.com", "https://auth.example.com", "https://AUTH.example.com./"] {
            assert_eq!(parsed(text).unwrap(), "https://auth.example.com", "{text}");
        }
        assert_eq!(parsed("auth.example.com:443").unwrap(), "https://auth.example.com");
        assert_eq!(parsed("auth.example.com:8443").unwrap(), "https://auth.example.com:8443");
    }

    #[test]
    fn what_has_no_keys_below_it_is_no_issuer() {
        for text in
            ["http://auth.example.com", "auth.example.com/team", "user@auth.example.com", "a?b", "a#b"]
        {
            assert!(parsed(text).is_err(), "{text}");
        }
        for text in ["a.example:", "a.example:0", "a.example:+1", "a.example:65536", "a.example:x"] {
            assert_eq!(parsed(text), Err(IssuerError::Port), "{text}");
        }
        assert!(matches!(parsed("*.example.com"), Err(IssuerError::Name(_))));
    }

    #[test]
    fn a_host_issues_under_its_own_name() {
        let of = |host: &str| Issuer::of_host(&host.parse().unwrap()).to_string();
        assert_eq!(of("IoT.example.com"), "https://iot.example.com");
        assert_eq!(of("*.example.com"), "https://example.com");
    }
}
