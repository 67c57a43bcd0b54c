//! `[[host]]`

use std::path::PathBuf;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::cipher_suite::CipherSuites;
use super::forwarding::ForwardingChoice;
use super::origin::HostOrigin;
use super::value::{Parsed, inner, word};
use crate::model::hostname::HostPattern;
use crate::model::origin::Carries;

/// A served host.
#[derive(Debug)]
pub struct Host {
    /// Exact, or `*.` and a parent.
    pub name: Spanned<HostPattern>,
    /// PEM file with our own chain, the leaf first.
    pub certificate: Spanned<PathBuf>,
    /// PEM file with its private key.
    pub key: Spanned<PathBuf>,
    /// Whether and how devices are asked for certificates.
    pub client_auth: ClientAuth,
    /// Whether a device's certificate must name `clientAuth` as its purpose, instead of only not naming others.
    pub require_client_auth_purpose: bool,
    /// The lowest version of TLS.
    pub min_tls: TlsVersion,
    /// Whether devices may speak HTTP/2.
    pub http2: bool,
    /// The cipher suites, of all versions.
    pub cipher_suites: Spanned<CipherSuites>,
    /// Whether devices are told which CAs their certificates may be from.
    pub ca_hints: bool,
    /// Where permitted requests go.
    pub origin: HostOrigin,
    /// What its origin is told about devices, where that differs from `[forwarding]`.
    pub forwarding: ForwardingChoice,
}

/// Whether devices are asked for certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Asked; policy decides, request by request.
    #[default]
    Access,
    /// Asked; without a valid one the handshake fails.
    Require,
    /// Not asked.
    None,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246, with forward secrecy and authenticated encryption only.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("1.2", Self::Tls12), ("1.3", Self::Tls13)])
    }
}

#[derive(Clone, Copy)]
enum Protocol {
    Https,
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("https", Self::Https)])
    }
}

impl<'de> Deserialize<'de> for ClientAuth {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("access", Self::Access), ("require", Self::Require), ("none", Self::None)])
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let name = table.required_s::<Parsed<HostPattern>>("name");
        let certificate = table.required_s::<String>("certificate");
        let key = table.required_s::<String>("key");
        let protocol = table.optional("protocol").unwrap_or(Protocol::Https);
        let client_auth = table.optional("client_auth").unwrap_or_default();
        let require_client_auth_purpose = table.optional("require_client_auth_purpose").unwrap_or_default();
        let min_tls = table.optional("min_tls").unwrap_or_default();
        let http2 = table.optional("http2").unwrap_or(true);
        let cipher_suites = table.optional_s("cipher_suites").unwrap_or_default();
        let ca_hints = table.optional("ca_hints").unwrap_or(true);
        let forwarding = table.optional("forwarding").unwrap_or_default();
        let carries = match protocol {
            Protocol::Https => Carries::Requests,
        };
        let origin = HostOrigin::read(&mut table, carries);
        table.finalize(None)?;
        // Without errors there is an origin.
        let origin = origin.ok_or_else(|| DeserError { errors: Vec::new() })?;
        Ok(Self {
            name: inner(name?),
            certificate: certificate?.map(),
            key: key?.map(),
            client_auth,
            require_client_auth_purpose,
            min_tls,
            http2,
            cipher_suites,
            ca_hints,
            origin,
            forwarding,
        })
    }
}
