//! What a request needs to know of its connection and its worker.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderValue;
use tokio::sync::watch;

use super::request_body::RequestBody;
use crate::access::{Facts, decide};
use crate::config::ClientAuth;
use crate::device::Device;
use crate::device::refusal::now;
use crate::device::verdicts::Verdicts;
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
    pub verdicts: Arc<Verdicts>,
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
    /// Whether its device was verified at any time. A request may be the first to find that it no longer is.
    verified: Cell<bool>,
    /// Whether a request on it was permitted.
    permitted: Cell<bool>,
}

/// What something was decided under: the generations of the snapshot and of the revocation index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// Of the snapshot.
    pub snapshot: u64,
    /// Of the revocation index.
    pub index: u64,
}

impl AsOf {
    /// What is in force now.
    pub fn now(snapshot: &Snapshot, verdicts: &Verdicts) -> Self {
        Self { snapshot: snapshot.generation, index: verdicts.index().generation() }
    }
}

/// What holds as of a snapshot and a revocation index.
#[derive(Clone)]
pub(super) struct State {
    as_of: AsOf,
    pub(super) host: Arc<Host>,
    pub(super) device: Device,
}

impl Connection {
    /// The connection that a handshake led to, which began under `as_of`.
    pub(super) fn new(accepted: &Accepted, source: SocketAddr, as_of: AsOf) -> Self {
        let state = State { as_of, host: Arc::clone(&accepted.host), device: accepted.device.clone() };
        // An address is always a valid header value.
        let source_header = HeaderValue::try_from(source.ip().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Self {
            source,
            source_header,
            name: accepted.name.clone(),
            verified: Cell::new(state.device.verified().is_some()),
            state: RefCell::new(state),
            permitted: Cell::new(false),
        }
    }

    /// Host and device as of the snapshot in force, and as of now: a connection outlives reloads and certificates, and
    /// what it was permitted before does not. `None` when the host is no longer served, or not to this device.
    pub(super) fn state(&self, context: &Context) -> Option<State> {
        let snapshot = context.snapshot.load();
        let mut state = self.state.borrow_mut();
        let mut outdated = state.device.verified().is_some_and(|verified| !verified.is_live(now()));
        if state.as_of.snapshot != snapshot.generation {
            let host = Arc::clone(snapshot.host(&self.name)?);
            outdated |= host.trust.id() != state.host.trust.id();
            (state.as_of.snapshot, state.host) = (snapshot.generation, host);
        }
        let index = context.verdicts.index().generation();
        if state.as_of.index != index {
            state.as_of.index = index;
            outdated = true;
        }
        if outdated {
            state.device = verify_again(&state.host.trust, &context.verdicts, state.device.chain());
            self.verified.set(self.verified.get() || state.device.verified().is_some());
        }
        // Nobody gets here by a handshake, but a reload or a date can lead here.
        let refused = state.host.client_auth == ClientAuth::Require && state.device.verified().is_none();
        (!refused).then(|| state.clone())
    }
}

impl Connection {
    /// Hears of changes from now on, and says whether one that came since the handshake began has ended it already. In this
    /// order: what comes in between is heard of.
    pub(super) fn watch(&self, context: &Context) -> (watch::Receiver<u64>, Option<&'static str>) {
        let changes = context.verdicts.subscribe();
        let lost = self.lost(context);
        (changes, lost)
    }

    /// Notes that a request on it was permitted: it has something to lose now.
    pub(super) fn permit(&self) {
        self.permitted.set(true);
    }

    /// Why the connection may not go on, after something changed: its host or its certificate is gone, or policy no
    /// longer permits what it did.
    pub(super) fn lost(&self, context: &Context) -> Option<&'static str> {
        let Some(state) = self.state(context) else { return Some("not_served") };
        if self.verified.get() && state.device.verified().is_none() {
            return Some(state.device.label());
        }
        let denial = if self.permitted.get() { decide(&state.facts()).err() } else { None };
        denial.map(|denial| denial.reason.label())
    }
}

impl State {
    /// What a decision is made from.
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            application: self.host.application.as_ref(),
            asks_for_certificates: self.host.client_auth != ClientAuth::None,
            device: &self.device,
        }
    }
}

/// The log's view of who is there.
pub fn peer(source: SocketAddr, device: &Device) -> Peer<'_> {
    let identity = device.identity();
    Peer {
        source,
        certificate: device.label(),
        subject: identity.map(|identity| &*identity.subject.rfc2253),
        issuer: identity.map(|identity| &*identity.issuer.rfc2253),
        serial: identity.map(|identity| identity.serial.as_str()),
        fingerprint: identity.and_then(|identity| identity.sha256.to_str().ok()),
    }
}

#[cfg(test)]
mod tests;
