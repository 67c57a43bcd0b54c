//! `[[host]]`

use std::path::PathBuf;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::mqtt::Mqtt;
use super::stream::{Protocol, ProxyProtocol};
use super::value::{Parsed, inner, invalid, word};
use crate::model::hostname::HostPattern;
use crate::model::origin::{Carries, OriginUrl};

/// A served host.
#[derive(Debug)]
pub struct Host {
    /// Exact, or `*.` and a parent.
    pub name: Spanned<HostPattern>,
    /// PEM file with our own chain, the leaf first.
    pub certificate: Spanned<PathBuf>,
    /// PEM file with its private key.
    pub key: Spanned<PathBuf>,
    /// What is spoken behind TLS.
    pub protocol: Protocol,
    /// Protocols that devices may choose from by ALPN; none, and whatever they offer is ignored. For byte streams only.
    pub alpn: Spanned<Vec<String>>,
    /// The header in front of what the origin gets. For byte streams only.
    pub proxy_protocol: Spanned<ProxyProtocol>,
    /// The guard of a host that speaks MQTT. For byte streams only.
    pub mqtt: Option<Spanned<Mqtt>>,
    /// Whether and how devices are asked for certificates.
    pub client_auth: ClientAuth,
    /// Whether a device's certificate must name `clientAuth` as its purpose, instead of only not naming others.
    pub require_client_auth_purpose: bool,
    /// The lowest version of TLS.
    pub min_tls: TlsVersion,
    /// Where permitted requests go.
    pub origin: Spanned<OriginUrl>,
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
        let protocol = table.optional("protocol").unwrap_or_default();
        let alpn = table.optional_s::<Vec<String>>("alpn");
        let proxy_protocol = table.optional_s("proxy_protocol");
        let mqtt = table.optional_s("mqtt");
        let client_auth = table.optional("client_auth").unwrap_or_default();
        let require_client_auth_purpose = table.optional("require_client_auth_purpose").unwrap_or_default();
        let min_tls = table.optional("min_tls").unwrap_or_default();
        let origin = table.required_s::<Parsed<OriginUrl>>("origin").map(inner);
        let carries = match protocol {
            Protocol::Https => Carries::Requests,
            Protocol::Tls => Carries::Bytes,
        };
        if let Ok(origin) = &origin {
            table.errors.extend(misfit(origin, carries));
        }
        table.finalize(None)?;
        Ok(Self {
            name: inner(name?),
            certificate: certificate?.map(),
            key: key?.map(),
            protocol,
            alpn: alpn.unwrap_or_default(),
            proxy_protocol: proxy_protocol.unwrap_or_default(),
            mqtt,
            client_auth,
            require_client_auth_purpose,
            min_tls,
            origin: origin?,
        })
    }
}

/// An error when `origin` cannot take what its host passes on.
fn misfit(origin: &Spanned<OriginUrl>, carries: Carries) -> Option<toml_span::Error> {
    if origin.value.takes(carries) {
        return None;
    }
    let message = match carries {
        Carries::Requests => "a host with protocol = \"https\" has an http://, https:// or unix: origin",
        Carries::Bytes => "a host with protocol = \"tls\" has a tcp://, tls:// or unix: origin",
    };
    invalid(format!("`{}`: {message}", origin.value), origin.span).errors.pop()
}
