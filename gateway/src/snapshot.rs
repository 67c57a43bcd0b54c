//! The snapshot: configuration compiled into what connections read. It never changes; a reload publishes another.

mod certificate_facts;
mod compile;
mod host_tls;

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;

pub use certificate_facts::CertificateFacts;
#[cfg(test)]
pub(crate) use compile::tests::Site;
pub use compile::{Compiled, compile};

use crate::config::{ClientAuth, Mqtt, Protocol, ProxyProtocol, Timeouts, Xdp};
use crate::device::trust::TrustSet;
use crate::model::hostname::{HostPattern, Hostname};
use crate::model::policy::Application;
use crate::origin::Target;

/// Everything that a connection needs to know.
#[derive(Debug)]
pub struct Snapshot {
    /// 1 for the first, and one more for each that is published.
    pub generation: u64,
    /// Bounds in time.
    pub timeouts: Timeouts,
    /// What the XDP program is told.
    pub xdp: Xdp,
    exact: HashMap<Hostname, Arc<Host>>,
    /// By the name behind `*.`.
    wildcard: HashMap<Hostname, Arc<Host>>,
}

/// A served host.
#[derive(Debug)]
pub struct Host {
    /// Its names.
    pub pattern: HostPattern,
    /// The pattern as text: log field and metric label.
    pub label: Arc<str>,
    /// What is spoken behind its TLS.
    pub protocol: Protocol,
    /// The header in front of what its origin gets, where that is bytes.
    pub proxy_protocol: ProxyProtocol,
    /// The guard of its byte streams, where they are MQTT.
    pub mqtt: Option<Arc<Mqtt>>,
    /// Whether devices are asked for certificates.
    pub client_auth: ClientAuth,
    /// Our identity towards devices, and the verifier of theirs; none where TLS goes through.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who vouches for its devices.
    pub trust: Arc<TrustSet>,
    /// Its application, if it has one.
    pub application: Option<Application>,
    /// Where permitted requests go.
    pub origin: Arc<Target>,
    /// Whether origins get the two `Cf-Client-Cert-*` headers.
    pub forward_certificate: bool,
    /// When our own certificate expires. Seconds since the epoch; 0 where there is none.
    pub certificate_not_after: u64,
    /// How our own certificate is made.
    pub certificate_facts: CertificateFacts,
}

impl Snapshot {
    /// Whether TLS of some host goes through.
    pub fn passes_through(&self) -> bool {
        self.hosts().any(|host| host.tls.is_none())
    }

    /// The host that serves `name`: an exact one before a wildcard.
    pub fn host(&self, name: &Hostname) -> Option<&Arc<Host>> {
        self.exact.get(name).or_else(|| self.wildcard.get(name.parent()?))
    }

    /// All hosts, in no order.
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.exact.values().chain(self.wildcard.values())
    }
}
