//! The configuration file: TOML in, a typed [`Config`] out, or every problem in it at once.

mod access;
mod admin;
mod alert;
mod cipher_suite;
mod crl;
mod denied;
mod documents;
mod forwarding;
mod host;
mod limit;
mod mqtt;
mod operations;
mod origin;
mod problem;
mod resources;
mod server;
mod source;
mod stored;
mod stream;
mod tokens;
mod value;
mod xdp;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Value};

pub use access::{
    Application, Conditions, CrlExpired, Group, IpList, Listed, MtlsCertificate, Pem, Policy, ServiceToken,
};
pub use admin::{Admin, ApiLimits};
pub use alert::{Alert, AlertPolicy, AlertWebhook, Smtp, SmtpTls};
pub use cipher_suite::CipherSuites;
pub use crl::Crl;
pub use denied::Denied;
pub use documents::{FileDocument, documents};
pub use forwarding::ForwardingChoice;
pub use host::{ClientAuth, Host, TlsVersion};
pub use limit::LimitChoice;
pub use mqtt::{CertificateField, Mqtt, MqttUsername};
pub use operations::{AccessLog, Log, Metrics};
pub use origin::{HealthCheck, HostOrigin};
pub use problem::{Place, Problem, Problems, Severity};
pub use resources::Resources;
pub use server::{Listener, Server, Timeouts};
pub use source::{FIRST_PLACE, Places, Source, StoredPlace, is_stored};
pub use stored::{Link, OwnPolicy, Typed, pointer, size};
pub use stream::{Protocol, ProxyProtocol};
pub use tokens::Access;
pub use toml_span::{Span, Spanned};
pub use xdp::{Evidence, Limits, Mode, Serve, ServeError, SynCookies, Tables, Xdp, XdpLog};

/// Everything the file says, with defaults where it is silent. Values that can be wrong later carry their place.
#[derive(Debug)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[timeout]`
    pub timeout: Timeouts,
    /// `[[listener]]`
    pub listeners: Vec<Listener>,
    /// `[[host]]`
    pub hosts: Vec<Host>,
    /// `[[mtls_certificate]]`, `[[application]]` and what policies refer to.
    pub resources: Resources,
    /// `[crl]`
    pub crl: Crl,
    /// `[alert]`
    pub alert: Alert,
    /// `[[alert_webhook]]`
    pub alert_webhooks: Vec<AlertWebhook>,
    /// `[[alert_policy]]`
    pub alert_policies: Vec<AlertPolicy>,
    /// `[access]`
    pub access: Access,
    /// `[denied]`
    pub denied: Denied,
    /// `[forwarding]`
    pub forwarding: ForwardingChoice,
    /// `[limit]`
    pub limit: LimitChoice,
    /// `[xdp]`
    pub xdp: Xdp,
    /// `[admin]`
    pub admin: Admin,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[log]`
    pub log: Log,
}

impl Config {
    /// Reads and parses the file at `path`.
    ///
    /// # Errors
    /// All problems, each with its place: the file cannot be read, is not TOML, has unknown keys or wrong values.
    pub fn load(path: &Path) -> Result<(Self, Arc<Source>), Problems> {
        let source = Arc::new(Source::read(path)?);
        Self::parse(&source).map(|config| (config, Arc::clone(&source)))
    }

    /// The listeners that XDP protects: those whose peers are devices. Behind a balancer every device would count as one
    /// source.
    pub fn protected(&self) -> Vec<SocketAddr> {
        let direct = self.listeners.iter().filter(|listener| !listener.proxy_protocol);
        direct.map(|listener| listener.address.value).collect()
    }

    /// Parses a text that was read before.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(source: &Arc<Source>) -> Result<Self, Problems> {
        let problems = |error: DeserError| Problems::new(source, problem::from_toml(error));
        let mut value = toml_span::parse(source.text()).map_err(|error| problems(error.into()))?;
        Self::deserialize(&mut value).map_err(problems)
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let server: Option<Server> = table.optional("server");
        let timeout = table.optional("timeout");
        let listeners = table.required("listener");
        let hosts = table.required("host");
        let crl = table.optional("crl");
        let alert = table.optional("alert");
        let alert_webhooks = table.optional("alert_webhook");
        let alert_policies = table.optional("alert_policy");
        let access = table.optional("access");
        let denied = table.optional("denied");
        let resources = Resources::read(&mut table);
        let forwarding = table.optional("forwarding");
        let limit = table.optional("limit");
        let xdp = table.optional("xdp");
        let admin: Option<Spanned<Admin>> = table.optional_s("admin");
        let metrics = table.optional("metrics");
        let log = table.optional("log");
        if let Some(missing) = without_state_dir(server.as_ref(), admin.as_ref()) {
            table.errors.extend(missing.errors);
        }
        table.finalize(None)?;
        Ok(Self {
            server: server.unwrap_or_default(),
            timeout: timeout.unwrap_or_default(),
            listeners: listeners?,
            hosts: hosts?,
            resources,
            crl: crl.unwrap_or_default(),
            alert: alert.unwrap_or_default(),
            alert_webhooks: alert_webhooks.unwrap_or_default(),
            alert_policies: alert_policies.unwrap_or_default(),
            access: access.unwrap_or_default(),
            denied: denied.unwrap_or_default(),
            forwarding: forwarding.unwrap_or_default(),
            limit: limit.unwrap_or_default(),
            xdp: xdp.unwrap_or_default(),
            admin: admin.map(|admin| admin.value).unwrap_or_default(),
            metrics: metrics.unwrap_or_default(),
            log: log.unwrap_or_default(),
        })
    }
}

/// Tokens of the API are kept there.
fn without_state_dir(server: Option<&Server>, admin: Option<&Spanned<Admin>>) -> Option<DeserError> {
    let admin = admin.filter(|admin| admin.value.listen.is_some())?;
    let is_missing = server.is_none_or(|server| server.state_dir.is_none());
    let message = "`admin.listen` needs `server.state_dir`: tokens are kept there";
    is_missing.then(|| value::invalid(message.to_owned(), admin.span))
}

/// Where the file is looked for when nobody says.
pub fn default_path() -> PathBuf {
    PathBuf::from("/etc/fleetgate/fleetgate.toml")
}

/// The admin socket that the file at `path` names, whatever else is wrong with it. `None` when it is not TOML at all.
pub fn admin_socket(path: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut value = toml_span::parse(&text).ok()?;
    let admin = TableHelper::new(&mut value).ok()?.optional::<Admin>("admin");
    Some(admin.unwrap_or_default().socket)
}

#[cfg(test)]
mod tests;
