//! The configuration file: TOML in, a typed [`Config`] out, or every problem in it at once.

mod access;
mod cipher_suite;
mod crl;
mod denied;
mod forwarding;
mod host;
mod limit;
mod mqtt;
mod operations;
mod origin;
mod problem;
mod server;
mod source;
mod stream;
mod tokens;
mod value;
mod xdp;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Value};

pub use access::{Application, Conditions, CrlExpired, Group, IpList, MtlsCertificate, Policy, ServiceToken};
pub use cipher_suite::CipherSuites;
pub use crl::Crl;
pub use denied::Denied;
pub use forwarding::ForwardingChoice;
pub use host::{ClientAuth, Host, TlsVersion};
pub use limit::LimitChoice;
pub use mqtt::{CertificateField, Mqtt, MqttUsername};
pub use operations::{AccessLog, Admin, Log, Metrics};
pub use origin::{HealthCheck, HostOrigin};
pub use problem::{Problem, Problems, Severity};
pub use server::{Listener, Server, Timeouts};
pub use source::Source;
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
    /// `[[mtls_certificate]]`
    pub mtls_certificates: Vec<MtlsCertificate>,
    /// `[crl]`
    pub crl: Crl,
    /// `[access]`
    pub access: Access,
    /// `[denied]`
    pub denied: Denied,
    /// `[[application]]`
    pub applications: Vec<Application>,
    /// `[[policy]]`
    pub policies: Vec<Policy>,
    /// `[[group]]`
    pub groups: Vec<Group>,
    /// `[[ip_list]]`
    pub ip_lists: Vec<IpList>,
    /// `[[service_token]]`
    pub service_tokens: Vec<ServiceToken>,
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
        let server = table.optional("server");
        let timeout = table.optional("timeout");
        let listeners = table.required("listener");
        let hosts = table.required("host");
        let mtls_certificates = table.optional("mtls_certificate");
        let crl = table.optional("crl");
        let access = table.optional("access");
        let denied = table.optional("denied");
        let applications = table.optional("application");
        let policies = table.optional("policy");
        let groups = table.optional("group");
        let ip_lists = table.optional("ip_list");
        let service_tokens = table.optional("service_token");
        let forwarding = table.optional("forwarding");
        let limit = table.optional("limit");
        let xdp = table.optional("xdp");
        let admin = table.optional("admin");
        let metrics = table.optional("metrics");
        let log = table.optional("log");
        table.finalize(None)?;
        Ok(Self {
            server: server.unwrap_or_default(),
            timeout: timeout.unwrap_or_default(),
            listeners: listeners?,
            hosts: hosts?,
            mtls_certificates: mtls_certificates.unwrap_or_default(),
            crl: crl.unwrap_or_default(),
            access: access.unwrap_or_default(),
            denied: denied.unwrap_or_default(),
            applications: applications.unwrap_or_default(),
            policies: policies.unwrap_or_default(),
            groups: groups.unwrap_or_default(),
            ip_lists: ip_lists.unwrap_or_default(),
            service_tokens: service_tokens.unwrap_or_default(),
            forwarding: forwarding.unwrap_or_default(),
            limit: limit.unwrap_or_default(),
            xdp: xdp.unwrap_or_default(),
            admin: admin.unwrap_or_default(),
            metrics: metrics.unwrap_or_default(),
            log: log.unwrap_or_default(),
        })
    }
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
