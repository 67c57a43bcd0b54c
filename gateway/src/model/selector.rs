//! What rules select by: serial numbers, object identifiers, names of a type, and what only a login could tell.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::hex::{self, Lower, Upper};

/// SHA-256 of a certificate's DER, as `openssl x509 -fingerprint -sha256` prints it or without its colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateHash(pub [u8; 32]);

/// A certificate's serial number: upper-case hexadecimal, as a device's identity has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialNumber(Box<str>);

/// An object identifier in dotted decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyOid(Box<str>);

/// A subject alternative name, of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    /// A host name. Case does not count.
    Dns(Box<str>),
    /// A mail address. The case of its domain does not count.
    Email(Box<str>),
    /// An address.
    Ip(IpAddr),
    /// A URI, SPIFFE ids among them, to the letter.
    Uri(Box<str>),
}

/// Why a text is nothing to select by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// No SHA-256.
    #[error("not a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")]
    Fingerprint,
    /// No serial number.
    #[error(
        "not a serial number: at most 40 hexadecimal digits, with or without colons, as `openssl x509 -serial` prints"
    )]
    Serial,
    /// No object identifier.
    #[error("not an object identifier: decimal numbers with dots between, like 1.3.6.1.4.1.99999.1")]
    Oid,
}

impl FromStr for CertificateHash {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        hex::parse_digest(text).map(Self).ok_or(SelectorError::Fingerprint)
    }
}

impl fmt::Display for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lower(&self.0).fmt(f)
    }
}

impl SerialNumber {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SerialNumber {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let octets = hex::parse(text).ok_or(SelectorError::Serial)?;
        let significant =
            octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len().saturating_sub(1));
        match octets.get(significant..).unwrap_or_default() {
            [] => Err(SelectorError::Serial),
            octets if octets.len() > 20 => Err(SelectorError::Serial),
            octets => Ok(Self(Upper(octets).to_string().into())),
        }
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PolicyOid {
    /// The dotted decimals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyOid {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        // The certificate's has no superfluous zeros either.
        let arc = |arc: &str| {
            !arc.is_empty()
                && arc.bytes().all(|byte| byte.is_ascii_digit())
                && (arc == "0" || !arc.starts_with('0'))
        };
        let well_formed = text.contains('.') && text.split('.').all(arc) && text.starts_with(['0', '1', '2']);
        if well_formed { Ok(Self(text.into())) } else { Err(SelectorError::Oid) }
    }
}

impl fmt::Display for PolicyOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for San {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Email(name) => write!(f, "email:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
        }
    }
}

/// A rule about who somebody is, or about a service that is not here. It is kept, and it never matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The selector's name.
    pub selector: &'static str,
    /// What it says, as it was given.
    pub body: serde_json::Value,
}

impl Unanswered {
    /// Every selector of this kind.
    pub const SELECTORS: [&str; 17] = [
        "auth_context",
        "auth_method",
        "azureAD",
        "cloudflare_account_member",
        "device_posture",
        "email",
        "email_domain",
        "email_list",
        "external_evaluation",
        "github-organization",
        "gsuite",
        "linked_app_token",
        "login_method",
        "oidc",
        "okta",
        "saml",
        "user_risk_score",
    ];

    /// What would have to be there for it to be answered.
    pub fn needs(&self) -> &'static str {
        match self.selector {
            "device_posture" => "a device posture service",
            "external_evaluation" => "external evaluation",
            "linked_app_token" => "another application's token",
            _ => "a login",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_read_as_tools_print_it() {
        let serial = |text: &str| text.parse::<SerialNumber>().map(|serial| serial.to_string());
        for text in ["0a1b", "0A:1B", "serial=0A1B", "0x0a1b", "00000A1B", "a1b"] {
            assert_eq!(serial(text), Ok("0A1B".into()), "{text}");
        }
        assert_eq!(serial("0"), Ok("00".into()));
        assert_eq!(serial(&format!("00{}", "ff".repeat(20))), Ok("FF".repeat(20)));
        for text in ["", "xyz", &"ff".repeat(21)] {
            assert_eq!(serial(text), Err(SelectorError::Serial), "{text}");
        }
    }

    #[test]
    fn an_object_identifier_has_one_spelling() {
        assert_eq!("2.5.29.32.0".parse::<PolicyOid>().unwrap().as_str(), "2.5.29.32.0");
        for text in ["", "2", "2.", ".5", "2..5", "2.05", "3.1", "2.a", "2.5 "] {
            assert_eq!(text.parse::<PolicyOid>(), Err(SelectorError::Oid), "{text}");
        }
    }
}
