//! The snapshot: configuration compiled into what connections read. It never changes; a reload publishes another.

mod accepted;
mod authority;
mod certificate_facts;
mod compile;
mod files;
mod host_tls;
mod kept;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rustls::ServerConfig;

pub use accepted::{Accepted, Record};
pub use certificate_facts::CertificateFacts;
#[cfg(test)]
pub(crate) use compile::tests::Site;
pub use compile::{Bundles, Compiled, Input, compile};
pub use files::Files;

use crate::access::{AccessTable, Sessions};
use crate::config::{ClientAuth, Mqtt, Protocol, ProxyProtocol, Timeouts, Xdp};
use crate::device::identity::Fingerprint;
use crate::device::trust::TrustSet;
use crate::model::forwarding::Forwarding;
use crate::model::hostname::{HostPattern, Hostname};
use crate::model::limit::DeviceLimit;
use crate::model::upgrade::UpgradeProtocol;
use crate::origin::Origins;

/// Everything that a connection needs to know.
#[derive(Debug)]
pub struct Snapshot {
    /// 1 for the first, and one more for each that is published.
    pub generation: u64,
    /// Bounds in time.
    pub timeouts: Timeouts,
    /// What the XDP program is told.
    pub xdp: Xdp,
    /// Every CA certificate that was uploaded, whichever hosts it is for.
    pub authorities: BTreeSet<Fingerprint>,
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
    /// Protocols that its requests may switch to.
    pub upgrades: Vec<UpgradeProtocol>,
    /// Whether devices are asked for certificates.
    pub client_auth: ClientAuth,
    /// Our identity towards devices, and the verifier of theirs; none where TLS goes through.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who vouches for its devices.
    pub trust: Arc<TrustSet>,
    /// Its applications.
    pub access: AccessTable,
    /// For whom the tokens of its permits are.
    pub sessions: Sessions,
    /// Where permitted requests go.
    pub origins: Origins,
    /// What its origin is told about devices.
    pub forwarding: Forwarding,
    /// What each device may do.
    pub limit: DeviceLimit,
    /// CPUs whose workers serve it; empty means any.
    pub cpus: Vec<u32>,
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

#[cfg(test)]
impl Snapshot {
    /// Changes the TLS configuration of a host that no connection has yet.
    pub(crate) fn change_tls(&mut self, pattern: &HostPattern, change: impl FnOnce(&mut ServerConfig)) {
        let (hosts, name) = match pattern {
            HostPattern::Exact(name) => (&mut self.exact, name),
            HostPattern::Wildcard(name) => (&mut self.wildcard, name),
        };
        let host = hosts.get_mut(name).and_then(Arc::get_mut).unwrap();
        change(Arc::make_mut(host.tls.as_mut().unwrap()));
    }
}
