//! `[[host]]`

use std::path::PathBuf;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::cipher_suite::CipherSuites;
use super::forwarding::ForwardingChoice;
use super::limit::LimitChoice;
use super::mqtt::Mqtt;
use super::origin::HostOrigin;
use super::stream::{Protocol, ProxyProtocol};
use super::value::{Parsed, inner, invalid, word};
use super::xdp::cpus;
use crate::model::hostname::HostPattern;
use crate::model::origin::Carries;
use crate::model::upgrade::UpgradeProtocol;

/// A served host.
#[derive(Debug)]
pub struct Host {
    /// Exact, or `*.` and a parent.
    pub name: Spanned<HostPattern>,
    /// Our own chain and its key; none where TLS goes through.
    pub identity: Option<Identity>,
    /// What is spoken behind TLS.
    pub protocol: Protocol,
    /// Protocols that devices may choose from by ALPN; none, and whatever they offer is ignored. For byte streams only.
    pub alpn: Spanned<Vec<String>>,
    /// The header in front of what the origin gets. For byte streams only.
    pub proxy_protocol: Spanned<ProxyProtocol>,
    /// The guard of a host that speaks MQTT. For byte streams only.
    pub mqtt: Option<Spanned<Mqtt>>,
    /// Protocols that requests may switch their connection to.
    pub upgrades: Vec<UpgradeProtocol>,
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
    /// What each device may do, where that differs from `[limit]`.
    pub limit: LimitChoice,
    /// CPUs whose workers serve it; empty means any.
    pub cpus: Spanned<Vec<u32>>,
}

/// Where a host's own chain and key are.
#[derive(Debug)]
pub struct Identity {
    /// PEM file with our own chain, the leaf first.
    pub certificate: Spanned<PathBuf>,
    /// PEM file with its private key.
    pub key: Spanned<PathBuf>,
}

/// Keys that have a meaning only where TLS ends here.
const OF_OUR_TLS: [&str; 13] = [
    "certificate",
    "key",
    "alpn",
    "mqtt",
    "upgrades",
    "client_auth",
    "require_client_auth_purpose",
    "min_tls",
    "http2",
    "cipher_suites",
    "ca_hints",
    "forwarding",
    "limit",
];

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
        let protocol: Protocol = table.optional("protocol").unwrap_or_default();
        let identity = if protocol.terminates() { identity(&mut table).map(Some) } else { Ok(None) };
        if !protocol.terminates() {
            leave_alone(&mut table);
        }
        let alpn = table.optional_s::<Vec<String>>("alpn");
        let proxy_protocol = table.optional_s("proxy_protocol");
        let mqtt = table.optional_s("mqtt");
        let upgrades = table.optional::<Vec<Parsed<UpgradeProtocol>>>("upgrades");
        let client_auth = table.optional("client_auth").unwrap_or_default();
        let require_client_auth_purpose = table.optional("require_client_auth_purpose").unwrap_or_default();
        let min_tls = table.optional("min_tls").unwrap_or_default();
        let http2 = table.optional("http2").unwrap_or(true);
        let cipher_suites = table.optional_s("cipher_suites").unwrap_or_default();
        let ca_hints = table.optional("ca_hints").unwrap_or(true);
        let forwarding = table.optional("forwarding").unwrap_or_default();
        let limit = table.optional("limit").unwrap_or_default();
        let cpus = cpus(&mut table, "cpus");
        let carries = match protocol {
            Protocol::Https => Carries::Requests,
            Protocol::Tls | Protocol::Passthrough => Carries::Bytes,
        };
        let origin = HostOrigin::read(&mut table, carries);
        table.finalize(None)?;
        // Without errors there is an origin.
        let origin = origin.ok_or_else(|| DeserError { errors: Vec::new() })?;
        Ok(Self {
            name: inner(name?),
            identity: identity?,
            protocol,
            alpn: alpn.unwrap_or_default(),
            proxy_protocol: proxy_protocol.unwrap_or_default(),
            mqtt,
            upgrades: upgrades.map_or_else(
                || vec![UpgradeProtocol::WEBSOCKET],
                |all| all.into_iter().map(|Parsed(protocol)| protocol).collect(),
            ),
            client_auth,
            require_client_auth_purpose,
            min_tls,
            http2,
            cipher_suites,
            ca_hints,
            origin,
            forwarding,
            limit,
            cpus,
        })
    }
}

fn identity(table: &mut TableHelper<'_>) -> Result<Identity, DeserError> {
    let (certificate, key) = (table.required_s::<String>("certificate"), table.required_s::<String>("key"));
    Ok(Identity { certificate: certificate?.map(), key: key?.map() })
}

/// An error for each key about TLS that does not end here: whoever wrote it believes that it protects something.
fn leave_alone(table: &mut TableHelper<'_>) {
    for key in OF_OUR_TLS {
        if let Some((_, value)) = table.take(key) {
            let message =
                format!("`{key}` has no meaning with protocol = \"passthrough\": TLS does not end here");
            table.errors.extend(invalid(message, value.span).errors);
        }
    }
}
