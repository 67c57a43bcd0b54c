//! What an open connection is worth, whatever goes over it: host and device as of now, and what policy says of them.

mod asked;
mod phase;
mod turns;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use self::asked::Asked;
use self::asked::Permitted;
pub use self::phase::Phase;
pub use self::turns::{Paced, Turns};
use crate::access::token::Subject;
use crate::access::{Denial, Facts, Permit, Presented, decide};
use crate::config::{ClientAuth, Protocol};
use crate::device::Device;
use crate::device::refusal::now;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::verify_again;
use crate::limit::Standing;
use crate::model::country::Country;
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
    standing: Standing,
    state: RefCell<State>,
    /// Whether its device was verified at any time. A request may be the first to find that it no longer is.
    verified: Cell<bool>,
    /// What was permitted last.
    permitted: RefCell<Option<Permitted>>,
    /// What was permitted and is under way, by numbers, where there can be more than one at a time.
    under_way: Option<RefCell<Vec<(u64, Permitted)>>>,
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
pub struct State {
    as_of: AsOf,
    /// The host.
    pub host: Arc<Host>,
    /// The device.
    pub device: Device,
    /// Of the source's address, by the snapshot's database.
    country: Option<Country>,
}

impl State {
    /// The country of the source's address, where it is known.
    pub fn country(&self) -> Option<Country> {
        self.country
    }
}

impl Connection {
    /// The connection that a handshake led to, which began under `as_of`.
    pub fn new(accepted: &Accepted, from: (SocketAddr, Standing), as_of: AsOf) -> Self {
        let Accepted { name, host, device, .. } = accepted;
        let connection = Self::of(name.clone(), host, device.clone(), from, as_of);
        Self { under_way: accepted.is_http2().then(RefCell::default), ..connection }
    }

    /// The connection whose TLS goes through: nobody is known at its other end.
    pub fn through(through: &Through, from: (SocketAddr, Standing), as_of: AsOf) -> Self {
        Self::of(through.name.clone(), &through.host, Device::Absent, from, as_of)
    }

    fn of(
        name: Hostname,
        host: &Arc<Host>,
        device: Device,
        (source, standing): (SocketAddr, Standing),
        as_of: AsOf,
    ) -> Self {
        let country = country(host, source);
        Self {
            source,
            name,
            protocol: host.protocol,
            standing,
            verified: Cell::new(device.verified().is_some()),
            state: RefCell::new(State { as_of, host: Arc::clone(host), device, country }),
            permitted: RefCell::default(),
            under_way: None,
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
            state.country = country(host, self.source);
            (state.as_of.snapshot, state.host) = (snapshot.generation, Arc::clone(host));
        }
        let index = in_force.verdicts.index().generation();
        if state.as_of.index != index {
            state.as_of.index = index;
            outdated = true;
        }
        if outdated {
            state.device = verify_again(&state.host.trust, in_force.verdicts, state.device.chain());
            self.verified.set(self.verified.get() || state.device.verified().is_some());
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

    /// Of whom the token of something that was just permitted speaks: the device, or the service token that was shown.
    pub fn subject<'a>(&self, state: &'a State) -> Subject<'a> {
        let permitted = self.permitted.borrow();
        let shown = permitted.as_ref().and_then(|permitted| permitted.service_token.as_ref());
        let shown = shown.and_then(|shown| state.host.access.shared().tokens.get(&shown.client_id));
        match (&state.device, shown) {
            (Device::Verified(_), _) | (_, None) => Subject::of(&state.device),
            (_, Some(token)) => Subject::of_service(token),
        }
    }

    /// How its source stands.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Whether userspace has banned its source since it was made, from everything or from its host.
    pub fn is_banned(&self, in_force: InForce<'_>, state: &State) -> bool {
        self.standing.is_banned(&state.host.pattern)
            && !in_force.snapshot.load().xdp.is_allowed(self.source.ip())
    }

    /// Whether something was permitted before.
    pub fn was_permitted(&self) -> bool {
        self.permitted.borrow().is_some()
    }

    /// Hears of changes from now on, and says whether one that came since the handshake began has ended it already. In this
    /// order: what comes in between is heard of.
    pub fn watch(&self, in_force: InForce<'_>) -> (watch::Receiver<u64>, Option<&'static str>) {
        let changes = in_force.verdicts.subscribe();
        let lost = self.lost(in_force);
        (changes, lost)
    }

    /// Decides about what has this number, counts the decision, and remembers it when it is a permit: the connection has
    /// something to lose then.
    ///
    /// # Errors
    /// The denial.
    pub fn authorize<'a>(
        &self,
        metrics: &Metrics,
        state: &'a State,
        asked: Asked<'_>,
        number: u64,
    ) -> Result<Permit<'a>, Denial<'a>> {
        let decision = self.decide(state, asked, number);
        let (word, reason) = match &decision {
            Ok(_) => ("permit", "permit"),
            Err(denial) => ("deny", denial.reason.label()),
        };
        metrics.decisions.with_label_values(&[&*state.host.label, word, reason]).inc();
        decision
    }

    fn decide<'a>(&self, state: &'a State, asked: Asked<'_>, number: u64) -> Result<Permit<'a>, Denial<'a>> {
        let now = now();
        let tokens = &state.host.access.shared().tokens;
        let service_token = tokens.present(asked.client_id, asked.client_secret, now);
        let facts = self.facts(state, asked.path, asked.preflight, service_token, now);
        let permit = decide(&state.host.access, &facts)?;
        let mut permitted = self.permitted.borrow_mut();
        let permitted = permitted.get_or_insert_default();
        // Its buffer is kept: most requests of a connection are alike.
        asked.path.clone_into(&mut permitted.path);
        permitted.preflight = asked.preflight;
        permitted.service_token = service_token.valid().cloned();
        if let Some(under_way) = &self.under_way {
            under_way.borrow_mut().push((number, permitted.clone()));
        }
        Ok(permit)
    }

    /// Notes that what had this number is over.
    pub fn done(&self, number: u64) {
        if let Some(under_way) = &self.under_way {
            under_way.borrow_mut().retain(|(other, _)| *other != number);
        }
    }

    /// Why the connection may not go on, after something changed: its host or its certificate is gone, its source is banned, or
    /// policy no longer permits what it permitted last, or something that is under way.
    pub fn lost(&self, in_force: InForce<'_>) -> Option<&'static str> {
        let Some(state) = self.state(in_force) else { return Some("not_served") };
        if self.is_banned(in_force, &state) {
            return Some("banned");
        }
        if self.verified.get() && state.device.verified().is_none() {
            return Some(state.device.label());
        }
        let under_way = self.under_way.as_ref().map(RefCell::borrow);
        let under_way = under_way.iter().flat_map(|all| all.iter()).map(|(_, permitted)| permitted);
        let last = self.permitted.borrow();
        last.iter().chain(under_way).find_map(|permitted| self.denied_now(&state, permitted))
    }

    /// Why something that was permitted no longer would be.
    fn denied_now(&self, state: &State, permitted: &Permitted) -> Option<&'static str> {
        let (now, tokens) = (now(), &state.host.access.shared().tokens);
        let service_token = match &permitted.service_token {
            Some(token) => tokens.present_again(token, now),
            None => Presented::Nothing,
        };
        let facts = self.facts(state, &permitted.path, permitted.preflight, service_token, now);
        decide(&state.host.access, &facts).err().map(|denial| denial.reason.label())
    }

    /// What a decision is made from.
    fn facts<'a>(
        &'a self,
        state: &'a State,
        path: &'a str,
        preflight: bool,
        service_token: Presented<'a>,
        now: u64,
    ) -> Facts<'a> {
        let (device, country) = (&state.device, state.country);
        Facts {
            name: &self.name,
            path,
            preflight,
            device,
            source: self.source.ip(),
            country,
            service_token,
            now,
        }
    }
}

/// The country of an address, where the operator has a database.
fn country(host: &Host, source: SocketAddr) -> Option<Country> {
    host.access.shared().geo.as_ref()?.country(source.ip())
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
