//! What a worker has of one origin: kept connections, and a count of requests under way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::multiplexed::{Multiplexed, OnStream};
use super::pool::Shared;
use super::request::Sent;
use super::target::Target;
use crate::model::origin::{HttpVersions, Scheme};

/// What is spoken with an origin, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    Http1,
    Http2,
    /// The first connection will show.
    Unknown,
}

/// What a worker has of one origin.
pub(super) struct Slot<B> {
    pub(super) target: Arc<Target>,
    pub(super) speaks: Cell<Speaks>,
    /// Held by whoever makes an HTTP/2 connection, or finds out which version it is: those who wait will share it.
    pub(super) connecting: Mutex<()>,
    shared: Rc<Shared>,
    idle: RefCell<Vec<Idle<B>>>,
    multiplexed: RefCell<Vec<Rc<Multiplexed<B>>>>,
    active: Cell<usize>,
}

/// An HTTP/1.1 connection that nobody uses.
struct Idle<B> {
    sender: SendRequest<Sent<B>>,
    since: Instant,
}

/// A request that is under way, until its response was read or given up.
pub(super) struct Busy<B>(Rc<Slot<B>>);

/// A borrowed connection's way back.
pub(super) struct Return<B> {
    pub(super) busy: Busy<B>,
    pub(super) connection: Connection<B>,
}

/// What a request was sent on.
pub(super) enum Connection<B> {
    Http1(SendRequest<Sent<B>>),
    Http2(OnStream<B>),
}

impl<B> Slot<B> {
    pub(super) fn new(target: Arc<Target>, shared: Rc<Shared>) -> Self {
        let speaks = match (target.versions, target.url.scheme()) {
            (HttpVersions::Http2, _) => Speaks::Http2,
            (HttpVersions::Auto, Scheme::Https) => Speaks::Unknown,
            (HttpVersions::Auto | HttpVersions::Http1, _) => Speaks::Http1,
        };
        Self {
            target,
            speaks: Cell::new(speaks),
            connecting: Mutex::new(()),
            shared,
            idle: RefCell::default(),
            multiplexed: RefCell::default(),
            active: Cell::new(0),
        }
    }

    /// Requests under way.
    pub(super) fn active(&self) -> usize {
        self.active.get()
    }

    /// Counts a request, unless there are too many.
    pub(super) fn enter(self: &Rc<Self>) -> Option<Busy<B>> {
        if self.active.get() >= self.shared.limits.get().max_requests {
            self.shared.limit_hit(&self.target, "requests");
            return None;
        }
        self.active.set(self.active.get() + 1);
        Some(Busy(Rc::clone(self)))
    }

    /// A kept connection, and whether it rested for longer than `rest`.
    pub(super) fn kept(&self, rest: Duration) -> Option<(Connection<B>, bool)> {
        if self.speaks.get() != Speaks::Http1 {
            let stream = self.join()?;
            let rested = stream.rested(rest);
            return Some((Connection::Http2(stream), rested));
        }
        let limit = self.shared.limits.get().idle;
        let mut idle = self.idle.borrow_mut();
        // The most recently used first, so that the others grow old and go.
        let found = std::iter::from_fn(|| idle.pop());
        found.map(|idle| (idle.sender, idle.since.elapsed())).find_map(|(sender, age)| {
            (sender.is_ready() && age < limit).then(|| (Connection::Http1(sender), age > rest))
        })
    }

    /// A place on an HTTP/2 connection, of the oldest that has one.
    pub(super) fn join(&self) -> Option<OnStream<B>> {
        self.multiplexed.borrow().iter().find_map(Multiplexed::enter)
    }

    /// Keeps a new HTTP/2 connection.
    pub(super) fn keep(&self, connection: Rc<Multiplexed<B>>) {
        self.multiplexed.borrow_mut().push(connection);
    }

    fn put(&self, sender: SendRequest<Sent<B>>) {
        let mut idle = self.idle.borrow_mut();
        let max = self.shared.limits.get().max_idle;
        if idle.len() < max {
            idle.push(Idle { sender, since: Instant::now() });
        } else if max > 0 {
            self.shared.limit_hit(&self.target, "idle");
        }
    }

    /// Closes what has been idle for too long. Whether there is anything left.
    pub(super) fn reap(&self) -> bool {
        let limit = self.shared.limits.get().idle;
        let mut idle = self.idle.borrow_mut();
        let mut multiplexed = self.multiplexed.borrow_mut();
        idle.retain(|idle| idle.since.elapsed() < limit && !idle.sender.is_closed());
        multiplexed.retain(|connection| !connection.is_closed() && !connection.rested(limit));
        !(idle.is_empty() && multiplexed.is_empty() && self.active.get() == 0)
    }

    #[cfg(test)]
    pub(super) fn resting(&self) -> (usize, bool) {
        let idle = self.idle.borrow();
        (idle.len(), idle.iter().all(|idle| idle.sender.is_closed()))
    }
}

impl<B> Busy<B> {
    pub(super) fn slot(&self) -> &Rc<Slot<B>> {
        &self.0
    }
}

impl<B> Drop for Busy<B> {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get() - 1);
    }
}

impl<B: 'static> Return<B> {
    /// Gives the connection back, once it is ready for another request.
    pub(super) fn give_back(self) {
        let Connection::Http1(mut sender) = self.connection else { return };
        let slot = Rc::clone(self.busy.slot());
        if sender.is_ready() {
            return slot.put(sender);
        }
        tokio::task::spawn_local(async move {
            if sender.ready().await.is_ok() {
                slot.put(sender);
            }
        });
    }

    /// Bounds that count from now on.
    pub(super) fn stall(&self) -> Duration {
        self.busy.slot().shared.limits.get().stall
    }

    /// Counts a response that was given up.
    pub(super) fn stalled(&self) {
        let slot = self.busy.slot();
        slot.shared.metrics.origin_stalls.with_label_values(&[&*slot.target.label]).inc();
    }
}
