//! What a request needs to know of its connection and its worker.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderValue;

use super::request_body::RequestBody;
use crate::config::ClientAuth;
use crate::device::Device;
use crate::device::cache::VerdictCache;
use crate::device::refusal::now;
use crate::device::verifier::verify_again;
use crate::model::hostname::Hostname;
use crate::origin::Pool;
use crate::snapshot::{Host, Snapshot};
use crate::telemetry::access_log::Peer;
use crate::telemetry::{AccessLog, Metrics};
use crate::tls::Accepted;

/// What all connections of a worker share.
pub struct Context {
    /// The snapshot in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Verdicts.
    pub cache: Arc<VerdictCache>,
    /// Metrics.
    pub metrics: Metrics,
    /// The access log.
    pub access_log: AccessLog,
    /// This worker's connections to origins.
    pub pool: Pool<RequestBody>,
    /// Bytes of a request's head at most.
    pub max_header: usize,
}

/// A device's connection.
pub(super) struct Connection {
    pub(super) source: SocketAddr,
    pub(super) source_header: HeaderValue,
    pub(super) name: Hostname,
    state: RefCell<State>,
}

/// What holds as of a snapshot.
#[derive(Clone)]
pub(super) struct State {
    generation: u64,
    pub(super) host: Arc<Host>,
    pub(super) device: Device,
}

impl Connection {
    /// The connection that a handshake under `generation` led to.
    pub(super) fn new(accepted: &Accepted, source: SocketAddr, generation: u64) -> Self {
        let state = State { generation, host: Arc::clone(&accepted.host), device: accepted.device.clone() };
        // An address is always a valid header value.
        let source_header = HeaderValue::try_from(source.ip().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Self { source, source_header, name: accepted.name.clone(), state: RefCell::new(state) }
    }

    /// Host and device as of the snapshot in force, and as of now: a connection outlives reloads and certificates, and
    /// what it was permitted before does not. `None` when the host is no longer served, or not to this device.
    pub(super) fn state(&self, context: &Context) -> Option<State> {
        let snapshot = context.snapshot.load();
        let mut state = self.state.borrow_mut();
        let mut outdated = state.device.verified().is_some_and(|verified| !verified.is_live(now()));
        if state.generation != snapshot.generation {
            let host = Arc::clone(snapshot.host(&self.name)?);
            outdated |= host.trust.id() != state.host.trust.id();
            (state.generation, state.host) = (snapshot.generation, host);
        }
        if outdated {
            state.device = verify_again(&state.host.trust, &context.cache, state.device.chain());
        }
        // Nobody gets here by a handshake, but a reload or a date can lead here.
        let refused = state.host.client_auth == ClientAuth::Require && state.device.verified().is_none();
        (!refused).then(|| state.clone())
    }
}

/// The log's view of who is there.
pub fn peer(source: SocketAddr, device: &Device) -> Peer<'_> {
    let identity = device.identity();
    Peer {
        source,
        certificate: device.label(),
        subject: identity.map(|identity| identity.subject.as_str()),
        issuer: identity.map(|identity| identity.issuer.as_str()),
        serial: identity.map(|identity| identity.serial.as_str()),
        fingerprint: identity.and_then(|identity| identity.sha256.to_str().ok()),
    }
}

#[cfg(test)]
mod tests;
