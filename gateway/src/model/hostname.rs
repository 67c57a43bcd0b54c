//! The one hostname type. XDP keys, TLS, HTTP and policies all compare names of this type.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use fleetgate_ebpf::name::{HostKey, NameBuffer, Pattern};
use fleetgate_ebpf::siphash::Secret;

/// The longest hostname in bytes (RFC 1035, 2.3.4, without the root dot).
const MAX_NAME: usize = 253;
/// The longest label in bytes.
const MAX_LABEL: usize = 63;

/// A hostname: lower case, A-labels, no trailing dot, letters, digits and inner hyphens only (RFC 5890, LDH).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hostname(Box<str>);

/// Names that a host serves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// One name.
    Exact(Hostname),
    /// Any single label in front of this name.
    Wildcard(Hostname),
}

/// Why a text is not a hostname.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// Nothing in it.
    #[error("a hostname must not be empty")]
    Empty,
    /// Beyond the limit of DNS.
    #[error("a hostname has at most 253 bytes, and each of its labels 1 to 63")]
    Length,
    /// Not LDH, also after conversion to A-labels.
    #[error("a hostname has letters, digits and hyphens only, and no hyphen at either end of a label")]
    Character,
    /// An IP address is not a name; TLS carries none in SNI.
    #[error("an IP address is not a hostname")]
    Address,
    /// A `*` elsewhere than as the whole first label.
    #[error("a wildcard is `*.` followed by a hostname of at least two labels")]
    Wildcard,
}

impl Hostname {
    /// Parses what a peer sent as a name: ASCII, any case, perhaps with a trailing dot.
    ///
    /// # Errors
    /// [`HostnameError`]; nothing is repaired beyond case and trailing dot.
    pub fn from_wire(text: &str) -> Result<Self, HostnameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(HostnameError::Empty);
        }
        if text.len() > MAX_NAME || text.split('.').any(|label| label.is_empty() || label.len() > MAX_LABEL) {
            return Err(HostnameError::Length);
        }
        if !text.split('.').all(is_ldh) {
            return Err(HostnameError::Character);
        }
        // A last label of digits only reads as an IPv4 address (WHATWG URL, "ends in a number").
        if text.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(HostnameError::Address);
        }
        Ok(Self(text.to_ascii_lowercase().into_boxed_str()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name behind the first label, if at least one label is left.
    pub fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, parent)| parent)
    }
}

fn is_ldh(label: &str) -> bool {
    let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    inner && !label.starts_with('-') && !label.ends_with('-')
}

impl FromStr for Hostname {
    type Err = HostnameError;

    /// Parses what an operator wrote: also with U-labels (`bücher.example`).
    fn from_str(text: &str) -> Result<Self, HostnameError> {
        if text.is_ascii() {
            return Self::from_wire(text);
        }
        Self::from_wire(&idna::domain_to_ascii(text).map_err(|_| HostnameError::Character)?)
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Hostname {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl HostPattern {
    /// Whether `name` is one of the names.
    pub fn matches(&self, name: &Hostname) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Wildcard(parent) => name.parent() == Some(parent.as_str()),
        }
    }

    /// Whether something declared for this is for `host`: the same names, or names that include it.
    pub fn covers(&self, host: &Self) -> bool {
        self == host || matches!(host, Self::Exact(name) if self.matches(name))
    }

    /// The key of this pattern in the XDP program's `HOSTS` map.
    pub fn xdp_key(&self, secret: Secret) -> HostKey {
        let (name, pattern) = match self {
            Self::Exact(name) => (name, Pattern::Exact),
            Self::Wildcard(parent) => (parent, Pattern::Wildcard),
        };
        let bytes = name.as_str().as_bytes();
        // A hostname has at most 253 bytes, and the buffer holds 256.
        NameBuffer::new(bytes).map_or(HostKey(0), |buffer| buffer.key(secret, pattern, bytes.len()))
    }
}

impl FromStr for HostPattern {
    type Err = HostnameError;

    fn from_str(text: &str) -> Result<Self, HostnameError> {
        match text.strip_prefix("*.") {
            Some(parent) if !parent.contains('*') => {
                let parent: Hostname = parent.parse()?;
                if parent.parent().is_none() {
                    return Err(HostnameError::Wildcard);
                }
                Ok(Self::Wildcard(parent))
            }
            _ if text.contains('*') => Err(HostnameError::Wildcard),
            _ => text.parse().map(Self::Exact),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Hostname {
        text.parse().unwrap()
    }

    #[test]
    fn case_trailing_dot_and_u_labels_are_normalised_once() {
        assert_eq!(host("IoT.Example.COM."), host("iot.example.com"));
        assert_eq!(host("bücher.example").as_str(), "xn--bcher-kva.example");
    }

    #[test]
    fn what_is_not_a_hostname_is_refused_by_name() {
        let cases = [
            ("", HostnameError::Empty),
            (".", HostnameError::Empty),
            ("a..example", HostnameError::Length),
            (&format!("{}.example", "a".repeat(64)), HostnameError::Length),
            ("under_score.example", HostnameError::Character),
            ("-a.example", HostnameError::Character),
            ("a-.example", HostnameError::Character),
            ("nul\0.example", HostnameError::Character),
            ("192.0.2.1", HostnameError::Address),
            ("a.example:443", HostnameError::Character),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Hostname>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_wildcard_covers_exactly_one_label() {
        let pattern: HostPattern = "*.example.com".parse().unwrap();
        assert!(pattern.matches(&host("a.example.com")));
        assert!(!pattern.matches(&host("example.com")));
        assert!(!pattern.matches(&host("a.b.example.com")));
    }

    #[test]
    fn a_misplaced_star_is_refused() {
        for text in ["*", "*.com", "a*.example.com", "a.*.example.com", "*.*.example.com"] {
            assert_eq!(text.parse::<HostPattern>(), Err(HostnameError::Wildcard), "{text}");
        }
    }
}
