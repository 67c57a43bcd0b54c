//! Connections of their own: a device's bytes go over one that nobody else uses, to one of a host's origins.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::dial::{DialError, Dialer};
use super::health;
use super::origins::{Choice, Origins, Tried};
use super::stream::Stream;
use super::target::Target;
use crate::telemetry::Metrics;

/// Opens connections to origins, one of it a worker. Cloning gives another handle to the same counts.
#[derive(Clone)]
pub struct Streams {
    dialer: Dialer,
    metrics: Metrics,
    open: Rc<RefCell<HashMap<u64, usize>>>,
    turn: Rc<Cell<usize>>,
}

/// A connection to an origin, counted as open for as long as this lives.
pub struct Opened {
    /// The connection.
    pub stream: Stream,
    /// Where it leads.
    pub target: Arc<Target>,
    /// Take it along when the stream is taken out.
    pub counted: Counted,
}

/// Counts a connection as open.
pub struct Counted {
    open: Rc<RefCell<HashMap<u64, usize>>>,
    id: u64,
}

impl Streams {
    /// None is open yet.
    pub fn new(dialer: Dialer, metrics: Metrics) -> Self {
        Self { dialer, metrics, open: Rc::default(), turn: Rc::default() }
    }

    /// A connection to one of `origins`, to another when the first cannot be connected to, each within `limit`.
    /// `device` is the fingerprint of a verified device.
    ///
    /// # Errors
    /// [`DialError`] of the origin that was tried last.
    pub async fn open(
        &self,
        origins: &Origins,
        device: Option<&[u8; 32]>,
        limit: Duration,
    ) -> Result<Opened, DialError> {
        let (mut tried, mut failure) = (Tried::default(), None::<(&Arc<Target>, DialError)>);
        loop {
            let turn = self.turn.get();
            self.turn.set(turn.wrapping_add(1));
            let load = |target: &Arc<Target>| self.open.borrow().get(&target.id).copied().unwrap_or_default();
            let choice = origins.choose(device, tried, turn, load);
            let Some(Choice { target, index, trial }) = choice else {
                // There is a first choice always, and its failure is known when there is no second.
                return Err(failure.map_or(DialError::NoOrigin, |(_, error)| error));
            };
            if let Some((failed, error)) = failure.take() {
                self.metrics.origin_retries.with_label_values(&[&*failed.label, error.label()]).inc();
            }
            tried.add(index);
            self.metrics.origin_connections.with_label_values(&[&*target.label]).inc();
            let counted = Counted::new(&self.open, target.id);
            match self.dialer.dial(target, limit).await {
                Ok(stream) => {
                    target.health.succeeded();
                    return Ok(Opened { stream, target: Arc::clone(target), counted });
                }
                Err(error) => {
                    if target.health.failed(health::now(), trial) {
                        self.metrics.origin_ejections.with_label_values(&[&*target.label]).inc();
                        tracing::warn!(origin = %target.url, %error, "an origin is out for a while");
                    }
                    failure = Some((target, error));
                }
            }
        }
    }
}

impl Counted {
    fn new(open: &Rc<RefCell<HashMap<u64, usize>>>, id: u64) -> Self {
        *open.borrow_mut().entry(id).or_default() += 1;
        Self { open: Rc::clone(open), id }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.borrow_mut();
        let Some(count) = open.get_mut(&self.id) else { return };
        *count -= 1;
        if *count == 0 {
            open.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::net::TcpListener;

    use super::*;
    use crate::model::origin::HttpVersions;
    use crate::origin::{Balance, TlsToOrigin};

    const LIMIT: Duration = Duration::from_secs(10);

    async fn listening() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn origins(ports: &[u16]) -> Origins {
        let plain = |_: &_| -> Result<TlsToOrigin, Infallible> { unreachable!() };
        let target = |port| {
            let url = format!("tcp://127.0.0.1:{port}").parse().unwrap();
            Target::new(url, HttpVersions::Auto, None, plain).unwrap()
        };
        Origins::new(ports.iter().map(target).collect(), Balance::LeastRequests, None).unwrap()
    }

    #[tokio::test]
    async fn open_connections_count_and_closed_ones_do_not() {
        let ((_one, first), (_other, second)) = (listening().await, listening().await);
        let (origins, streams) =
            (origins(&[first, second]), Streams::new(Dialer::default(), Metrics::new().unwrap()));
        let mut open = Vec::new();
        for _ in 0..4 {
            open.push(streams.open(&origins, None, LIMIT).await.unwrap());
        }
        let to =
            |target: &Arc<Target>| open.iter().filter(|opened| Arc::ptr_eq(&opened.target, target)).count();
        assert_eq!([0, 1].map(|index| to(&origins.targets()[index])), [2, 2]);
        let (stays, goes): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|opened| Arc::ptr_eq(&opened.target, &origins.targets()[0]));
        drop(goes);
        for _ in 0..2 {
            let next = streams.open(&origins, None, LIMIT).await.unwrap();
            assert!(Arc::ptr_eq(&next.target, &origins.targets()[1]));
            drop(next);
        }
        drop(stays);
        assert!(streams.open.borrow().is_empty());
    }

    #[tokio::test]
    async fn another_origin_is_tried_and_the_failure_of_the_last_is_told() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (_listener, port) = listening().await;
        let streams = Streams::new(Dialer::default(), Metrics::new().unwrap());
        let both = origins(&[closed, port]);
        for _ in 0..10 {
            let opened = streams.open(&both, None, LIMIT).await.unwrap();
            assert!(Arc::ptr_eq(&opened.target, &both.targets()[1]));
        }
        assert!(!both.targets()[0].is_healthy());
        let failure = streams.open(&origins(&[closed]), None, LIMIT).await.map(drop).unwrap_err();
        assert_eq!(failure.label(), "origin_connect");
    }
}
