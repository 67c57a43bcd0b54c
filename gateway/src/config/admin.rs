//! `[admin]`: where operators' tools are answered, and within which bounds.

use std::net::SocketAddr;
use std::path::PathBuf;

use fleetgate_ebpf::gcra::Rate;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::value::{Limit, Parsed, at_least, inner, invalid};

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The unix socket through which the command line talks to the gateway.
    pub socket: PathBuf,
    /// Where the API is served to whoever has a token.
    pub listen: Option<SocketAddr>,
    /// The chain and the key with which it is served over TLS.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The CAs whose clients alone may connect to it.
    pub client_ca: Option<PathBuf>,
    /// Bytes of a request's body.
    pub max_body: u32,
    /// Connections to `listen` at the same time, and so requests.
    pub max_connections: u32,
    /// Requests of a token.
    pub rate: Rate,
    /// Requests of a source without a token that counts.
    pub failures: Rate,
    /// Decisions that are kept in memory to be asked for.
    pub kept_decisions: u32,
    /// `[admin.limit]`
    pub limit: ApiLimits,
}

/// `[admin.limit]`: how much the API takes. What is there already stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// mTLS certificates.
    pub certificates: u32,
    /// Characters of a certificate's name.
    pub certificate_name: u32,
    /// Applications.
    pub applications: u32,
    /// Rules of a policy or group.
    pub rules: u32,
    /// Groups.
    pub groups: u32,
    /// Service tokens.
    pub service_tokens: u32,
    /// Networks in a rule.
    pub ips: u32,
    /// Alert webhooks.
    pub alert_webhooks: u32,
    /// Alert policies.
    pub alert_policies: u32,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            socket: "/run/fleetgate/admin.sock".into(),
            listen: None,
            identity: None,
            client_ca: None,
            max_body: 1 << 20,
            max_connections: 64,
            rate: Rate::per_second(100, 500),
            failures: Rate::per_second(1, 20),
            kept_decisions: 1000,
            limit: ApiLimits::default(),
        }
    }
}

impl Default for ApiLimits {
    /// Cloudflare's, as far as they are documented.
    fn default() -> Self {
        Self {
            certificates: 50,
            certificate_name: 350,
            applications: 500,
            rules: 1000,
            groups: 300,
            service_tokens: 50,
            ips: 1000,
            alert_webhooks: 100,
            alert_policies: 100,
        }
    }
}

impl Admin {
    /// Whether `other` is the same in everything that cannot change while the gateway runs.
    pub fn is_served_alike(&self, other: &Self) -> bool {
        *self == Self { limit: self.limit, ..other.clone() }
    }
}

impl<'de> Deserialize<'de> for Admin {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let socket = table.optional::<String>("socket").map_or(default.socket, PathBuf::from);
        let listen = table.optional_s::<Parsed<SocketAddr>>("listen").map(inner);
        let certificate = table.optional_s::<String>("certificate");
        let key = table.optional_s::<String>("key");
        let client_ca = table.optional_s::<String>("client_ca");
        let max_body = at_least(&mut table, "max_body", 1024, default.max_body);
        let max_connections = at_least(&mut table, "max_connections", 1, default.max_connections);
        let rate = table.optional::<Limit>("rate").map_or(default.rate, |limit| limit.0);
        let failures = table.optional::<Limit>("failures").map_or(default.failures, |limit| limit.0);
        let kept_decisions = at_least(&mut table, "kept_decisions", 0, default.kept_decisions);
        let limit = table.optional("limit").unwrap_or_default();
        let problems = problems(listen.as_ref(), certificate.as_ref(), key.as_ref(), client_ca.as_ref());
        table.errors.extend(problems.into_iter().flat_map(|problem| problem.errors));
        table.finalize(None)?;
        let path = |text: Spanned<String>| PathBuf::from(text.value);
        Ok(Self {
            socket,
            listen: listen.map(|listen| listen.value),
            identity: certificate.map(path).zip(key.map(path)),
            client_ca: client_ca.map(path),
            max_body,
            max_connections,
            rate,
            failures,
            kept_decisions,
            limit,
        })
    }
}

fn problems(
    listen: Option<&Spanned<SocketAddr>>,
    certificate: Option<&Spanned<String>>,
    key: Option<&Spanned<String>>,
    client_ca: Option<&Spanned<String>>,
) -> Vec<DeserError> {
    let mut problems = Vec::new();
    match (certificate, key) {
        (Some(alone), None) | (None, Some(alone)) => {
            problems.push(invalid("`certificate` and `key` go together".to_owned(), alone.span));
        }
        (None, None) => {
            if let Some(listen) = listen.filter(|listen| !listen.value.ip().is_loopback()) {
                let message = "tokens must not travel in the clear: `listen` at other addresses than loopback needs `certificate` and `key`";
                problems.push(invalid(message.to_owned(), listen.span));
            }
            if let Some(client_ca) = client_ca {
                let message = "`client_ca` needs `certificate` and `key`".to_owned();
                problems.push(invalid(message, client_ca.span));
            }
        }
        (Some(_), Some(_)) => {}
    }
    problems
}

impl<'de> Deserialize<'de> for ApiLimits {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let mut size = |key, default| at_least(&mut table, key, 0, default);
        let limits = Self {
            certificates: size("certificates", default.certificates),
            certificate_name: size("certificate_name", default.certificate_name),
            applications: size("applications", default.applications),
            rules: size("rules", default.rules),
            groups: size("groups", default.groups),
            service_tokens: size("service_tokens", default.service_tokens),
            ips: size("ips", default.ips),
            alert_webhooks: size("alert_webhooks", default.alert_webhooks),
            alert_policies: size("alert_policies", default.alert_policies),
        };
        table.finalize(None)?;
        Ok(limits)
    }
}
