//! What a certificate is for by name: its subject alternative names.

use std::net::IpAddr;
use std::str::FromStr as _;

use rcgen::SanType;

use crate::model::hostname::HostPattern;

/// A subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A host name, or one with `*` for its first label.
    Dns(String),
    /// A mail address.
    Email(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI, SPIFFE ids among them.
    Uri(String),
}

/// A text is none of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a host name, an IP address, a mail address nor a URI")]
pub struct HostError(pub String);

impl Host {
    /// Reads a name as cfssl does, by what it looks like. Names beyond ASCII become their punycode.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let no_name = || HostError(text.to_owned());
        if let Some((scheme, rest)) = text.split_once(':') {
            // With a number behind the colon it is a port.
            let is_port = rest.bytes().all(|byte| byte.is_ascii_digit());
            let is_uri = is_scheme(scheme) && !is_port && is_graphic(rest);
            return if is_uri { Ok(Self::Uri(text.to_owned())) } else { Err(no_name()) };
        }
        if let Some((user, domain)) = text.rsplit_once('@') {
            let is_address = !user.is_empty() && is_graphic(user) && is_domain(domain);
            return if is_address { Ok(Self::Email(text.to_owned())) } else { Err(no_name()) };
        }
        let ascii = if text.is_ascii() {
            text.to_owned()
        } else {
            idna::domain_to_ascii(text).map_err(|_| no_name())?
        };
        if is_domain(ascii.strip_prefix("*.").unwrap_or(&ascii)) {
            Ok(Self::Dns(ascii))
        } else {
            Err(no_name())
        }
    }

    /// The same with a host name as a gateway has it: in lower case, without a dot at its end, of letters, digits and hyphens.
    ///
    /// # Errors
    /// Where clients look for no such name.
    pub fn strict(text: &str) -> Result<Self, HostError> {
        let no_name = |_| HostError(text.to_owned());
        let host = Self::parse(text.strip_suffix('.').unwrap_or(text)).map_err(no_name)?;
        let Self::Dns(name) = &host else { return Ok(host) };
        let pattern = HostPattern::from_str(name).map_err(|_| HostError(text.to_owned()))?;
        Ok(Self::Dns(pattern.to_string()))
    }

    /// As rcgen has it.
    pub(super) fn san(&self) -> Result<SanType, HostError> {
        let san = match self {
            Self::Ip(address) => return Ok(SanType::IpAddress(*address)),
            Self::Dns(text) => text.as_str().try_into().map(SanType::DnsName),
            Self::Email(text) => text.as_str().try_into().map(SanType::Rfc822Name),
            Self::Uri(text) => text.as_str().try_into().map(SanType::URI),
        };
        san.map_err(|_| HostError(self.text()))
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            Self::Ip(address) => address.to_string(),
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => text.clone(),
        }
    }
}

/// RFC 3986, 3.1
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Labels of letters, digits, `-` and `_`, as they are in use.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_what_they_look_like() {
        let dns = |text: &str| Host::Dns(text.to_owned());
        for (text, expected) in [
            ("iot.example.com", dns("iot.example.com")),
            ("*.example.com", dns("*.example.com")),
            ("localhost", dns("localhost")),
            ("bücher.example", dns("xn--bcher-kva.example")),
            ("192.0.2.7", Host::Ip([192, 0, 2, 7].into())),
            ("2001:db8::1", Host::Ip("2001:db8::1".parse().unwrap())),
            ("pumps@example.com", Host::Email("pumps@example.com".to_owned())),
            ("spiffe://example.com/pump/17", Host::Uri("spiffe://example.com/pump/17".to_owned())),
            ("urn:dev:mac:0024befffe804ff1", Host::Uri("urn:dev:mac:0024befffe804ff1".to_owned())),
        ] {
            assert_eq!(Host::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_by_name() {
        for text in [
            "",
            " ",
            "a b",
            "-a.example",
            "a..b",
            "a.*.example",
            "@example.com",
            "http:",
            "/path",
            "a\0b",
            "a.example:8443",
        ] {
            assert_eq!(Host::parse(text), Err(HostError(text.to_owned())));
        }
        assert!(Host::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn host_names_are_as_the_gateway_has_them() {
        let strict = |text: &str| Host::strict(text).map(|host| host.text());
        for (text, expected) in [
            ("IoT.Example.com.", "iot.example.com"),
            ("*.Example.com", "*.example.com"),
            ("Bücher.example", "xn--bcher-kva.example"),
            ("192.0.2.7", "192.0.2.7"),
            ("spiffe://example.com/Pump", "spiffe://example.com/Pump"),
        ] {
            assert_eq!(strict(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["a_b.example", "*.com", "192.0.2.700", ".", "iot.example.com:443"] {
            assert_eq!(Host::strict(text), Err(HostError(text.to_owned())));
        }
    }
}
