//! What a running gateway says of itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{Control, Identity, Reload, Revision, State};
use crate::device::cache::Statistics;
use crate::xdp::InterfaceStatus;

/// The state of a running gateway.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Version of the gateway.
    pub version: &'static str,
    /// Its process id.
    pub process: u32,
    /// The configuration file.
    pub config: PathBuf,
    /// The account's and the zone's ids in the API.
    #[serde(flatten)]
    pub identity: Identity,
    /// The last change of what is stored.
    pub revision: Revision,
    /// Generation of the snapshot in force.
    pub generation: u64,
    /// Whether no more connections are accepted.
    pub draining: bool,
    /// Where connections are accepted.
    pub listeners: Vec<SocketAddr>,
    /// Served hosts.
    pub hosts: Vec<HostStatus>,
    /// Open connections.
    pub connections: i64,
    /// The verdict cache.
    pub verdict_cache: Statistics,
    /// Interfaces with or without XDP.
    pub xdp: Vec<InterfaceStatus>,
    /// The last load of the configuration.
    pub last_reload: Reload,
    /// Why the gateway is not ready, or what is degraded.
    pub warnings: Vec<String>,
}

/// The state of a served host.
#[derive(Debug, Serialize)]
pub struct HostStatus {
    /// Its name.
    pub name: String,
    /// Where permitted requests go.
    pub origin: String,
    /// CAs that it trusts.
    pub trust_anchors: usize,
    /// When our certificate expires, in seconds since the epoch.
    pub certificate_not_after: u64,
}

impl Control {
    /// The state, for people and scripts.
    pub fn status(&self) -> Status {
        let snapshot = self.shared.snapshot.load();
        let state = self.lock();
        let mut hosts: Vec<_> = snapshot
            .hosts()
            .map(|host| HostStatus {
                name: host.label.to_string(),
                origin: host
                    .origins
                    .targets()
                    .iter()
                    .map(|target| &*target.label)
                    .collect::<Vec<_>>()
                    .join(" "),
                trust_anchors: host.trust.anchors().len(),
                certificate_not_after: host.certificate_not_after,
            })
            .collect();
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        Status {
            version: env!("CARGO_PKG_VERSION"),
            process: std::process::id(),
            config: state.path.clone(),
            identity: state.identity.clone(),
            revision: self.inventory.load().revision(),
            generation: snapshot.generation,
            draining: self.draining.load(Ordering::Relaxed),
            listeners: self.listeners.addresses(),
            hosts,
            connections: self.shared.metrics.connections.get(),
            verdict_cache: self.shared.verdicts.cache.statistics(),
            xdp: state.plane.status(),
            last_reload: state.last_reload.clone(),
            warnings: self.warnings(&state),
        }
    }

    /// Whether the gateway takes new connections, and what is degraded all the same.
    pub fn readiness(&self) -> (bool, Vec<String>) {
        (!self.draining.load(Ordering::Relaxed), self.warnings(&self.lock()))
    }

    fn warnings(&self, state: &State) -> Vec<String> {
        let mut warnings = state.plane.errors();
        warnings.extend(self.keeper.warnings());
        warnings.extend(self.store.problem());
        if self.draining.load(Ordering::Relaxed) {
            warnings.push("draining: no more connections are accepted".into());
        }
        if !state.last_reload.successful {
            warnings.push("the last reload was refused; the configuration before it is in force".into());
        }
        warnings
    }
}
