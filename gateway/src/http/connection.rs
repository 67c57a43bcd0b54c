//! What a request needs to know of its connection and its worker.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderMap, Request};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::headers::Hop;
use super::identity_headers::IdentityHeaders;
use super::request_body::RequestBody;
use crate::access::token::{Subject, Token, Tokens};
use crate::access::{Denial, Facts, Permit, Presented, cors, decide};
use crate::config::ClientAuth;
use crate::device::Device;
use crate::device::refusal::now;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::verify_again;
use crate::model::country::Country;
use crate::model::hostname::Hostname;
use crate::model::service_token::ServiceToken;
use crate::origin::Pool;
use crate::snapshot::{Host, Snapshot};
use crate::telemetry::access_log::{Clipped, Peer};
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
    /// Requests at the same time on an HTTP/2 connection.
    pub max_streams: u32,
    /// Application tokens.
    pub tokens: Arc<Tokens>,
}

/// A device's connection.
pub(super) struct Connection {
    pub(super) source: SocketAddr,
    pub(super) hop: Hop,
    pub(super) name: Hostname,
    state: RefCell<State>,
    /// Whether its device was verified at any time. A request may be the first to find that it no longer is.
    verified: Cell<bool>,
    /// The request that was permitted last.
    permitted: RefCell<Option<Permitted>>,
    /// Permitted requests under way, by their numbers, where there can be more than one at a time.
    under_way: Option<RefCell<Vec<(u64, Permitted)>>>,
    /// The number of the next request.
    next: Cell<u64>,
    /// What is told of the device, and of which device by which host that is.
    told: RefCell<Option<Told>>,
    /// The token that was offered as a cookie last.
    offered: RefCell<Option<Arc<Token>>>,
    /// Requests under way.
    requests: Cell<usize>,
    /// When the last one was done with.
    rested: Cell<Instant>,
    /// Requests that the peer took back, less those that it did not.
    cancelled: Cell<u32>,
    /// How many of them are too many.
    max_cancelled: u32,
    /// Tells that there were.
    flooded: Notify,
}

/// Of a permitted request, what has to be known to decide about it again. Not the secret of a service token.
#[derive(Clone, Debug, Default)]
struct Permitted {
    path: String,
    preflight: bool,
    service_token: Option<Arc<ServiceToken>>,
}

/// What a request says beside its host.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    pub(super) preflight: bool,
    client_id: Option<&'a [u8]>,
    client_secret: Option<&'a [u8]>,
}

/// What is told of a device by a host.
struct Told {
    host: Arc<Host>,
    device: Device,
    headers: Arc<IdentityHeaders>,
}

/// A request under way, until this is dropped.
pub(super) struct Busy {
    connection: Rc<Connection>,
    /// Its number.
    pub(super) number: u64,
    /// Whether its response was sent to the end.
    pub(super) done: bool,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Self { connection, number, done } = self;
        if let Some(under_way) = &connection.under_way {
            under_way.borrow_mut().retain(|(other, _)| other != number);
        }
        connection.requests.update(|requests| requests - 1);
        connection.rested.set(Instant::now());
        let count = |count: u32| if *done { count.saturating_sub(1) } else { count.saturating_add(1) };
        connection.cancelled.update(count);
        if connection.cancelled.get() > connection.max_cancelled {
            connection.flooded.notify_one();
        }
    }
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
    /// Of the source's address, by the snapshot's database.
    country: Option<Country>,
}

impl State {
    /// The country of the source's address, where it is known.
    pub(super) fn country(&self) -> Option<Country> {
        self.country
    }
}

impl<'a> Asked<'a> {
    pub(super) fn of<B>(request: &'a Request<B>) -> Self {
        let headers = request.headers();
        Self {
            path: request.uri().path(),
            preflight: cors::is_preflight(request.method(), headers),
            client_id: one(headers, "cf-access-client-id"),
            client_secret: one(headers, "cf-access-client-secret"),
        }
    }
}

/// The value of a header. Of two, an empty one that is worth nothing: nobody could say which of them counts.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    Some(if values.next().is_some() { b"" } else { value.as_bytes() })
}

impl Connection {
    /// The connection that a handshake led to, which began under `as_of`.
    ///
    /// Who takes back more than `max_cancelled` requests without letting others come to their end is flooding.
    pub(super) fn new(accepted: &Accepted, source: SocketAddr, as_of: AsOf, max_cancelled: u32) -> Self {
        let host = Arc::clone(&accepted.host);
        let country = country(&host, source);
        let state = State { as_of, host, device: accepted.device.clone(), country };
        Self::with(state, accepted.name.clone(), source, max_cancelled, accepted.is_http2())
    }

    fn with(state: State, name: Hostname, source: SocketAddr, max_cancelled: u32, is_http2: bool) -> Self {
        Self {
            source,
            hop: Hop::new(source.ip(), &name),
            name,
            verified: Cell::new(state.device.verified().is_some()),
            state: RefCell::new(state),
            permitted: RefCell::default(),
            under_way: is_http2.then(RefCell::default),
            next: Cell::new(0),
            told: RefCell::default(),
            offered: RefCell::default(),
            requests: Cell::new(0),
            rested: Cell::new(Instant::now()),
            cancelled: Cell::new(0),
            max_cancelled,
            flooded: Notify::new(),
        }
    }

    /// What is told of the device. It is made once, and again when the host or the device is another one.
    pub(super) fn told(&self, state: &State) -> Arc<IdentityHeaders> {
        let mut told = self.told.borrow_mut();
        if let Some(Told { host, device, headers }) = &*told
            && Arc::ptr_eq(host, &state.host)
            && device.is_same(&state.device)
        {
            return Arc::clone(headers);
        }
        let headers = Arc::new(IdentityHeaders::new(&state.host.forwarding, &state.device));
        let State { host, device, .. } = state.clone();
        *told = Some(Told { host, device, headers: Arc::clone(&headers) });
        headers
    }

    /// Of whom the token of a request that was just permitted speaks: the device, or the service token that it showed.
    pub(super) fn subject<'a>(&self, state: &'a State) -> Subject<'a> {
        let permitted = self.permitted.borrow();
        let shown = permitted.as_ref().and_then(|permitted| permitted.service_token.as_ref());
        let shown = shown.and_then(|shown| state.host.access.shared().tokens.get(&shown.client_id));
        match (&state.device, shown) {
            (Device::Verified(_), _) | (_, None) => Subject::of(&state.device),
            (_, Some(token)) => Subject::of_service(token),
        }
    }

    /// Whether a response should set `token` as a cookie: once a connection, and not where the request brings it already.
    pub(super) fn offers(&self, token: &Arc<Token>, headers: &HeaderMap) -> bool {
        let mut offered = self.offered.borrow_mut();
        let is_new = offered.as_ref().is_none_or(|offered| !Arc::ptr_eq(offered, token));
        if is_new {
            *offered = Some(Arc::clone(token));
        }
        is_new && !token.is_presented(headers)
    }

    /// Whether a request was permitted before.
    pub(super) fn was_permitted(&self) -> bool {
        self.permitted.borrow().is_some()
    }

    /// Notes that a request is under way.
    pub(super) fn busy(self: &Rc<Self>) -> Busy {
        self.requests.update(|requests| requests + 1);
        let number = self.next.replace(self.next.get() + 1);
        Busy { connection: Rc::clone(self), number, done: false }
    }

    /// Waits until too many requests were taken back (Rapid Reset, CVE-2023-44487, and what makes us reset them,
    /// CVE-2025-8671).
    pub(super) async fn flooded(&self) {
        self.flooded.notified().await;
    }

    /// Since when no request is under way; `None` while one is.
    pub(super) fn resting_since(&self) -> Option<Instant> {
        (self.requests.get() == 0).then(|| self.rested.get())
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
            state.country = country(&host, self.source);
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

    /// Decides about the request with this number, and remembers it when it may pass: the connection has something to lose
    /// then.
    pub(super) fn decide<'a>(
        &self,
        state: &'a State,
        asked: Asked<'_>,
        number: u64,
    ) -> Result<Permit<'a>, Denial<'a>> {
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

    /// Why the connection may not go on, after something changed: its host or its certificate is gone, or policy no
    /// longer permits the request that it permitted last, or one that is under way.
    pub(super) fn lost(&self, context: &Context) -> Option<&'static str> {
        let Some(state) = self.state(context) else { return Some("not_served") };
        if self.verified.get() && state.device.verified().is_none() {
            return Some(state.device.label());
        }
        let under_way = self.under_way.as_ref().map(RefCell::borrow);
        let under_way = under_way.iter().flat_map(|all| all.iter()).map(|(_, permitted)| permitted);
        let last = self.permitted.borrow();
        last.iter().chain(under_way).find_map(|permitted| self.denied_now(&state, permitted))
    }

    /// Why a request that was permitted no longer would be.
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
