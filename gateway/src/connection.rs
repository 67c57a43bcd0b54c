//! What an open connection is worth, whatever goes over it: host and device as of now, and what policy says of them.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::access::{Denial, Facts, Permit, decide};
use crate::config::{ClientAuth, Protocol};
use crate::device::Device;
use crate::device::refusal::now;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::verify_again;
use crate::model::hostname::Hostname;
use crate::snapshot::{Host, Snapshot};
use crate::telemetry::Metrics;
use crate::telemetry::access_log::{Clipped, Peer};
use crate::tls::{Accepted, Through};

/// What connections are judged by.
#[derive(Clone, Copy)]
pub struct InForce<'a> {
    /// The snapshot in force.
    pub snapshot: &'a ArcSwap<Snapshot>,
    /// Verdicts, and the revocation index.
    pub verdicts: &'a Verdicts,
}

/// A device's connection.
pub struct Connection {
    /// Where it comes from.
    pub source: SocketAddr,
    /// The name that it was made for.
    pub name: Hostname,
    /// What it was made to speak.
    protocol: Protocol,
    state: RefCell<State>,
    /// Whether something on it was permitted.
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

/// What holds as of a snapshot and a revocation index.
#[derive(Clone)]
pub struct State {
    as_of: AsOf,
    /// The host.
    pub host: Arc<Host>,
    /// The device.
    pub device: Device,
}

impl Connection {
    /// The connection that a handshake led to, which began under `as_of`.
    pub fn new(accepted: &Accepted, source: SocketAddr, as_of: AsOf) -> Self {
        let Accepted { name, host, device, .. } = accepted;
        Self::of(name.clone(), host, device.clone(), source, as_of)
    }

    /// The connection whose TLS goes through: nobody is known at its other end.
    pub fn through(through: &Through, source: SocketAddr, as_of: AsOf) -> Self {
        Self::of(through.name.clone(), &through.host, Device::Absent, source, as_of)
    }

    fn of(name: Hostname, host: &Arc<Host>, device: Device, source: SocketAddr, as_of: AsOf) -> Self {
        let state = State { as_of, host: Arc::clone(host), device };
        Self {
            source,
            name,
            protocol: host.protocol,
            state: RefCell::new(state),
            permitted: Cell::new(false),
        }
    }

    /// Host and device as of what is in force, and as of now: a connection outlives reloads and certificates, and what
    /// it was permitted before does not. `None` when the host is no longer served, or not to this device.
    pub fn state(&self, in_force: InForce<'_>) -> Option<State> {
        let snapshot = in_force.snapshot.load();
        let mut state = self.state.borrow_mut();
        let mut outdated = state.device.verified().is_some_and(|verified| !verified.is_live(now()));
        if state.as_of.snapshot != snapshot.generation {
            // Who speaks one protocol is not to be understood as another.
            let host = snapshot.host(&self.name).filter(|host| host.protocol == self.protocol)?;
            outdated |= host.trust.id() != state.host.trust.id();
            (state.as_of.snapshot, state.host) = (snapshot.generation, Arc::clone(host));
        }
        let index = in_force.verdicts.index().generation();
        if state.as_of.index != index {
            state.as_of.index = index;
            outdated = true;
        }
        if outdated {
            state.device = verify_again(&state.host.trust, in_force.verdicts, state.device.chain());
        }
        // Nobody gets here by a handshake, but a reload or a date can lead here.
        let refused = state.host.client_auth == ClientAuth::Require && state.device.verified().is_none();
        (!refused).then(|| state.clone())
    }

    /// How long the device's certificate still counts; none where there is none that does.
    pub fn expires_in(&self) -> Option<Duration> {
        let state = self.state.borrow();
        // A second later it is surely over.
        let verified = state.device.verified()?;
        Some(Duration::from_secs(verified.expires_at.saturating_sub(now()).saturating_add(1)))
    }

    /// Notes that something on it was permitted: it has something to lose now.
    pub fn permit(&self) {
        self.permitted.set(true);
    }

    /// Why the connection may not go on, after something changed: its host or its certificate is gone, or policy no
    /// longer permits what it did.
    pub fn lost(&self, in_force: InForce<'_>) -> Option<&'static str> {
        let was_verified = self.state.borrow().device.verified().is_some();
        let Some(state) = self.state(in_force) else { return Some("not_served") };
        if was_verified && state.device.verified().is_none() {
            return Some(state.device.label());
        }
        let denial = if self.permitted.get() { state.decide().err() } else { None };
        denial.map(|denial| denial.reason.label())
    }
}

impl State {
    /// What policy says, for HTTP and byte streams alike.
    fn decide(&self) -> Result<Permit<'_>, Denial<'_>> {
        decide(&Facts {
            application: self.host.application.as_ref(),
            asks_for_certificates: self.host.client_auth != ClientAuth::None,
            device: &self.device,
        })
    }

    /// What policy says, counted.
    ///
    /// # Errors
    /// The denial.
    pub fn authorize(&self, metrics: &Metrics) -> Result<Permit<'_>, Denial<'_>> {
        let decision = self.decide();
        let (word, reason) = match &decision {
            Ok(_) => ("permit", "permit"),
            Err(denial) => ("deny", denial.reason.label()),
        };
        metrics.decisions.with_label_values(&[&*self.host.label, word, reason]).inc();
        decision
    }
}

/// Counts a connection that is ended because it lost its permit.
pub fn terminated(metrics: &Metrics, host: &str, source: SocketAddr, reason: &'static str) {
    metrics.connections_terminated.with_label_values(&[host, reason]).inc();
    tracing::info!(%source, host, reason, "connection lost its permit");
}

/// The log's view of who is there.
pub fn peer(source: SocketAddr, device: &Device) -> Peer<'_> {
    let identity = device.identity();
    Peer {
        source,
        certificate: device.label(),
        subject: identity.map(|identity| Clipped(&identity.subject.rfc2253)),
        issuer: identity.map(|identity| Clipped(&identity.issuer.rfc2253)),
        serial: identity.map(|identity| identity.serial.as_str()),
        fingerprint: identity.and_then(|identity| identity.sha256.to_str().ok()),
    }
}

#[cfg(test)]
mod tests;
