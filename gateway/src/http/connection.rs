//! What a request needs to know of its connection and its worker.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderMap;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::bodies::Bodies;
use super::headers::Hop;
use super::identity_headers::IdentityHeaders;
use super::request_body::RequestBody;
use super::seating::{Exceeded, Seating};
use super::unread::{Place, Responses};
use super::upgrade::Switched;
use crate::access::token::{Token, Tokens};
use crate::connection::{self, AsOf, InForce, State, Turns};
use crate::device::Device;
use crate::device::verdicts::Verdicts;
use crate::limit::{Devices, Direction, Offence, Pace, Standing};
use crate::origin::Pool;
use crate::snapshot::{Host, Snapshot};
use crate::telemetry::{AccessLog, Metrics};
use crate::tls::Accepted;

/// How long the last response of an HTTP/2 connection has before it is closed.
const LAST_WORD: Duration = Duration::from_millis(100);

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
    /// Bytes of a request's body at most; 0 is any number.
    pub max_body: u64,
    /// Requests at the same time on an HTTP/2 connection.
    pub max_streams: u32,
    /// Application tokens.
    pub tokens: Arc<Tokens>,
    /// What each device does.
    pub devices: Arc<Devices>,
    /// Whose turn it is on this worker.
    pub turns: Turns,
}

impl Context {
    /// What connections are judged by.
    pub(super) fn in_force(&self) -> InForce<'_> {
        InForce { snapshot: &self.snapshot, verdicts: &self.verdicts }
    }
}

/// A device's connection that carries requests.
pub(super) struct Connection {
    shared: connection::Connection,
    pub(super) hop: Hop,
    /// The number of the next request.
    next: Cell<u64>,
    /// What is told of the device, and of which device by which host that is.
    told: RefCell<Option<Told>>,
    /// Whether an origin has answered a request of its, and so was told of the device.
    introduced: Cell<bool>,
    /// Its part in what its device may do.
    seating: Seating,
    /// Whether it is to end because of what its source did.
    dismissed: Cell<bool>,
    /// How far its responses are.
    pub(super) responses: Responses,
    /// The token that was offered as a cookie last.
    offered: RefCell<Option<Arc<Token>>>,
    /// Request bodies that were not read to their end.
    pub(super) bodies: Bodies,
    /// Whether the gateway is leaving.
    parting: Cell<bool>,
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
    /// Tells that its requests under way are the last.
    over: Notify,
    /// What becomes of it once it is done with HTTP.
    pub(super) switched: RefCell<Option<Box<Switched>>>,
}

impl Deref for Connection {
    type Target = connection::Connection;

    fn deref(&self) -> &Self::Target {
        &self.shared
    }
}

/// What is told of a device by a host. Who rests for hours does not keep the policies of a host that was replaced.
struct Told {
    host: Weak<Host>,
    device: Device,
    headers: Arc<IdentityHeaders>,
}

/// A request under way, until this is dropped.
pub(super) struct Busy {
    connection: Rc<Connection>,
    /// Its number.
    pub(super) number: u64,
    /// Where its response is.
    place: Place,
    /// Whether its response was sent to the end.
    pub(super) done: bool,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Self { connection, number, place, done } = self;
        connection.responses.end(*place);
        connection.done(*number);
        connection.requests.update(|requests| requests - 1);
        connection.rested.set(Instant::now());
        let count = |count: u32| if *done { count.saturating_sub(1) } else { count.saturating_add(1) };
        connection.cancelled.update(count);
        if connection.cancelled.get() > connection.max_cancelled {
            connection.flooded.notify_one();
        }
    }
}

impl Busy {
    /// It is for the device to go on: something is there for it to read.
    pub(super) fn handed(&self) {
        self.connection.responses.handed(self.place);
    }

    /// It is not for the device to go on: it has asked for more than there is.
    pub(super) fn asked(&self) {
        self.connection.responses.asked(self.place);
    }
}

impl Connection {
    /// The connection that a handshake led to, which began under `as_of`.
    ///
    /// Who takes back more than `max_cancelled` requests without letting others come to their end is flooding.
    pub(super) fn new(
        accepted: &Accepted,
        from: (SocketAddr, Standing),
        as_of: AsOf,
        max_cancelled: u32,
    ) -> Self {
        let shared = connection::Connection::new(accepted, from, as_of);
        Self {
            hop: Hop::new(shared.source.ip(), &shared.name),
            shared,
            next: Cell::new(0),
            told: RefCell::default(),
            introduced: Cell::new(false),
            seating: Seating::default(),
            dismissed: Cell::new(false),
            responses: Responses::default(),
            offered: RefCell::default(),
            bodies: Bodies::default(),
            parting: Cell::new(false),
            requests: Cell::new(0),
            rested: Cell::new(Instant::now()),
            cancelled: Cell::new(0),
            max_cancelled,
            flooded: Notify::new(),
            over: Notify::new(),
            switched: RefCell::default(),
        }
    }

    /// What is told of the device. It is made once, and again when the host or the device is another one.
    pub(super) fn told(&self, state: &State) -> Arc<IdentityHeaders> {
        let mut told = self.told.borrow_mut();
        if let Some(Told { host, device, headers }) = &*told
            && host.as_ptr() == Arc::as_ptr(&state.host)
            && device.is_same(&state.device)
        {
            return Arc::clone(headers);
        }
        let headers = Arc::new(IdentityHeaders::new(&state.host.forwarding, &state.device));
        let (host, device) = (Arc::downgrade(&state.host), state.device.clone());
        *told = Some(Told { host, device, headers: Arc::clone(&headers) });
        headers
    }

    /// Notes that an origin was told of the device.
    pub(super) fn introduced(&self) {
        self.introduced.set(true);
    }

    /// Whether one was.
    pub(super) fn is_introduced(&self) -> bool {
        self.introduced.get()
    }

    /// Counts it among its device's connections. False when there are as many as may be: it is refused whatever it asks.
    pub(super) fn enter(&self, devices: &Arc<Devices>, accepted: &Accepted) -> bool {
        self.seating.enter(devices, self.source, &accepted.host, &accepted.device)
    }

    /// Whether it is one more than its device may have, or its source has done too much wrong: its next response is its last.
    pub(super) fn is_unwelcome(&self) -> bool {
        self.seating.is_surplus() || self.dismissed.get()
    }

    /// Notes a request that was refused. Where that is one too many, the connection ends with the answer, before any ban is there.
    pub(super) fn refused(&self, context: &Context, state: &State) {
        let rate = &context.snapshot.load().xdp.ban.requests;
        if self.standing().offended(rate, &state.host.pattern, Offence::Requests) {
            self.dismissed.set(true);
        }
    }

    /// Whether its source was banned since it was made. Then it ends with the answer, unless it has ended already.
    pub(super) fn meets_ban(&self, context: &Context, state: &State) -> bool {
        let is_banned = self.is_banned(context.in_force(), state);
        if is_banned {
            self.dismissed.set(true);
        }
        is_banned
    }

    /// Has the next response be the last.
    pub(super) fn part(&self) {
        self.parting.set(true);
    }

    /// Whether a response has to say that it is the last.
    pub(super) fn is_last(&self) -> bool {
        self.parting.get() || self.is_unwelcome()
    }

    /// Takes one of the requests that the device may make.
    pub(super) fn take_request(&self, devices: &Arc<Devices>, state: &State) -> Result<(), Exceeded> {
        self.seating.take_request(devices, self.source, state)
    }

    /// Keeps bodies within what the device may send, or be sent, where it has a limit.
    pub(super) fn pace(&self, direction: Direction) -> Option<Pace> {
        self.seating.pace(direction)
    }

    /// Has the requests under way be the last.
    pub(super) fn finish(&self) {
        self.over.notify_one();
    }

    /// Waits until it was told to finish, and has said what it had to say: HTTP/2 puts its goodbye before everything that
    /// is not sent yet, and some peers hear nothing behind that.
    pub(super) async fn finished(&self) {
        self.over.notified().await;
        Box::pin(sleep(LAST_WORD)).await;
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

    /// Notes that a request is under way.
    pub(super) fn busy(self: &Rc<Self>) -> Busy {
        self.requests.update(|requests| requests + 1);
        let number = self.next.replace(self.next.get() + 1);
        Busy { connection: Rc::clone(self), number, place: self.responses.begin(), done: false }
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
}
