//! A connection's part in what its device may do, as of the host and the device that it has now.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use crate::connection::State;
use crate::device::Device;
use crate::limit::{Devices, Direction, Pace, Seat, Who};
use crate::snapshot::Host;

/// A connection's seat, where its host limits devices.
#[derive(Default)]
pub(super) struct Seating {
    seated: RefCell<Option<Seated>>,
    /// It is one more than its device may have.
    surplus: Cell<bool>,
}

/// A seat, and of which device at which host it is.
struct Seated {
    host: Arc<Host>,
    device: Device,
    seat: Rc<Seat>,
}

/// Why a request that was permitted goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exceeded {
    /// Its connection is one more than the device may have.
    Connections,
    /// There were too many before it.
    Requests {
        /// When there may be another.
        seconds: u64,
    },
}

impl Exceeded {
    /// The log field `reason`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Connections => "limit_connections",
            Self::Requests { .. } => "limit_requests",
        }
    }

    /// A sentence for people.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Connections => "This device has too many connections open at the same time.",
            Self::Requests { .. } => "This device sends too many requests. Please try again later.",
        }
    }

    /// Says when to come back, where that is known.
    pub(super) fn put(self, headers: &mut HeaderMap) {
        if let Self::Requests { seconds } = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

/// Whole seconds, so that nobody comes back too early.
fn exceeded(wait: Duration) -> Exceeded {
    Exceeded::Requests { seconds: wait.as_secs() + u64::from(wait.subsec_nanos() > 0) }
}

impl Seating {
    /// Takes a seat for a new connection. False when its device has as many as it may have.
    pub(super) fn enter(
        &self,
        devices: &Arc<Devices>,
        source: SocketAddr,
        host: &Arc<Host>,
        device: &Device,
    ) -> bool {
        if host.limit.is_off() {
            return true;
        }
        match devices.enter(&host.label, Who::of(source, device), &host.limit) {
            Some(seat) => self.sit(host, device, seat),
            None => self.surplus.set(true),
        }
        !self.surplus.get()
    }

    pub(super) fn is_surplus(&self) -> bool {
        self.surplus.get()
    }

    /// Takes one of the requests that the device may make.
    pub(super) fn take_request(
        &self,
        devices: &Arc<Devices>,
        source: SocketAddr,
        state: &State,
    ) -> Result<(), Exceeded> {
        let State { host, device, .. } = state;
        if self.surplus.get() {
            return Err(Exceeded::Connections);
        }
        if host.limit.is_off() {
            self.seated.take();
            return Ok(());
        }
        if !self.sits(host, device) {
            // A reload brought it another limit, or the device another name. It is here already.
            self.sit(host, device, devices.join(&host.label, Who::of(source, device), &host.limit));
        }
        let seated = self.seated.borrow();
        seated.as_ref().map_or(Ok(()), |seated| seated.seat.request().map_err(exceeded))
    }

    /// Keeps bytes within the device's rate, where there is one.
    pub(super) fn pace(&self, direction: Direction) -> Option<Pace> {
        self.seated.borrow().as_ref().and_then(|seated| seated.seat.pace(direction))
    }

    fn sits(&self, host: &Arc<Host>, device: &Device) -> bool {
        let seated = self.seated.borrow();
        seated.as_ref().is_some_and(|seated| Arc::ptr_eq(&seated.host, host) && seated.device.is_same(device))
    }

    fn sit(&self, host: &Arc<Host>, device: &Device, seat: Seat) {
        let (host, device, seat) = (Arc::clone(host), device.clone(), Rc::new(seat));
        // The one before counts until it is gone: no other gets in between.
        self.seated.replace(Some(Seated { host, device, seat }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_when_told_does_not_come_too_early() {
        let seconds = |nanos| exceeded(Duration::from_nanos(nanos));
        assert_eq!(seconds(1), Exceeded::Requests { seconds: 1 });
        assert_eq!(seconds(1_000_000_000), Exceeded::Requests { seconds: 1 });
        assert_eq!(seconds(1_000_000_001), Exceeded::Requests { seconds: 2 });
        let mut headers = HeaderMap::new();
        Exceeded::Connections.put(&mut headers);
        assert!(headers.is_empty());
        Exceeded::Requests { seconds: 7 }.put(&mut headers);
        assert_eq!(headers[RETRY_AFTER], "7");
    }
}
