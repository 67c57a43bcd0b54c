//! Connections to origins, one pool a worker: no locks, and no connection changes its core.

mod connect;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::UPGRADE;
use http_body::Body;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use tokio::time::timeout;

use super::body::PooledBody;
use super::dial::{DialError, Dialer};
use super::error::OriginError;
use super::health;
use super::multiplexed::is_unprocessed;
use super::origins::{Choice, Origins, Tried};
use super::request::{Progress, Sent, copy, is_switched_to, is_upgrade, repeatable, to_http1, to_http2};
use super::slot::{Busy, Connection, Return, Slot};
use super::target::Target;
use crate::telemetry::Metrics;

/// A kept connection that rested longer than this may be closing at the other end just now.
const RESTED: Duration = Duration::from_millis(500);
/// Connections that may turn a request away before that counts as a failure.
const TRIES: usize = 3;

/// Bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connecting, name resolution and TLS included.
    pub connect: Duration,
    /// From the request, or the last byte of its body that moved, to the response's head.
    pub response: Duration,
    /// How long a body may stand still.
    pub stall: Duration,
    /// How long an idle connection is kept.
    pub idle: Duration,
    /// Idle connections for each origin.
    pub max_idle: usize,
    /// Requests under way to each origin.
    pub max_requests: usize,
}

/// Connections to origins. Cloning gives another handle to the same pool.
pub struct Pool<B> {
    slots: Rc<RefCell<HashMap<u64, Rc<Slot<B>>>>>,
    shared: Rc<Shared>,
    turn: Rc<Cell<usize>>,
}

/// What all origins of a pool share.
pub(super) struct Shared {
    pub(super) limits: Cell<Limits>,
    pub(super) metrics: Metrics,
    dialer: Dialer,
}

impl Shared {
    /// Counts that a bound was reached.
    pub(super) fn limit_hit(&self, target: &Target, limit: &str) {
        self.metrics.origin_limited.with_label_values(&[&*target.label, limit]).inc();
    }
}

/// A request that failed.
struct Failed<B> {
    error: OriginError,
    /// The request, where it may be sent again.
    again: Option<Box<Request<Sent<B>>>>,
    /// Whether another connection to the same origin may do better.
    same: bool,
}

/// A response, and the connection that it comes over.
type Answer<B> = (Response<Incoming>, Connection<B>);

impl<B> Clone for Pool<B> {
    fn clone(&self) -> Self {
        Self { slots: Rc::clone(&self.slots), shared: Rc::clone(&self.shared), turn: Rc::clone(&self.turn) }
    }
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Default + Unpin + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// An empty pool, which connects through `dialer`.
    pub fn new(dialer: Dialer, metrics: Metrics, limits: Limits) -> Self {
        let shared = Rc::new(Shared { limits: Cell::new(limits), metrics, dialer });
        Self { slots: Rc::default(), shared, turn: Rc::default() }
    }

    /// Applies other bounds from now on.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.limits.set(limits);
    }

    /// Sends a request to one of `origins`, to another when the first has not seen it or may see it twice. `device` is
    /// the fingerprint of a verified device. A connection that turns out to be closed costs nothing but another try.
    ///
    /// # Errors
    /// [`OriginError`] of the origin that was tried last. `request` has the path and headers that the origin is to see.
    pub async fn send(
        &self,
        origins: &Origins,
        device: Option<&[u8; 32]>,
        request: Request<B>,
    ) -> Result<Response<PooledBody<B>>, OriginError> {
        let mut request = request.map(Sent::new);
        if let Some(host) = &origins.host {
            request.headers_mut().insert(http::header::HOST, host.clone());
        }
        if let [only] = origins.targets() {
            let result = self.try_one(&self.slot(only), request, false, false).await;
            return result.map_err(|failed| failed.error);
        }
        self.send_to_one_of(origins, device, request).await
    }

    async fn send_to_one_of(
        &self,
        origins: &Origins,
        device: Option<&[u8; 32]>,
        mut request: Request<Sent<B>>,
    ) -> Result<Response<PooledBody<B>>, OriginError> {
        let (mut tried, mut failure) = (Tried::default(), None::<(&Arc<Target>, OriginError)>);
        loop {
            let turn = self.turn.get();
            self.turn.set(turn.wrapping_add(1));
            let load =
                |target: &Arc<Target>| self.slots.borrow().get(&target.id).map_or(0, |slot| slot.active());
            let choice = origins.choose(device, tried, turn, load);
            let Some(Choice { target, index, trial }) = choice else {
                // There is a first choice always, and its failure is known when there is no second.
                return Err(failure.map_or(DialError::NoOrigin.into(), |(_, error)| error));
            };
            if let Some((failed, error)) = failure.take() {
                self.retried(failed, &error);
            }
            tried.add(index);
            match self.try_one(&self.slot(target), request, trial, true).await {
                Ok(response) => return Ok(response),
                Err(Failed { error, again: None, .. }) => return Err(error),
                Err(Failed { error, again: Some(again), .. }) => {
                    (failure, request) = (Some((target, error)), *again);
                }
            }
        }
    }

    fn retried(&self, target: &Target, error: &OriginError) {
        self.shared.metrics.origin_retries.with_label_values(&[&*target.label, error.label()]).inc();
        tracing::debug!(%error, "trying another origin");
    }

    /// Sends a request to a health check's origin, whose health nobody learns of by that.
    pub(super) async fn send_unseen(
        &self,
        target: &Arc<Target>,
        request: Request<B>,
    ) -> Result<Response<PooledBody<B>>, OriginError> {
        let slot = self.slot(target);
        let Some(busy) = slot.enter() else { return Err(OriginError::Busy(target.url.clone())) };
        let answer = self.exchange(&slot, request.map(Sent::new), None, false).await;
        let (response, connection) = answer.map_err(|failed| failed.error)?;
        lend(busy, connection, response, None, None).map_err(|failed| failed.error)
    }

    /// Sends a request to one origin, and notes how that went. With `others` to go to, a failed request is given back
    /// where that is safe.
    async fn try_one(
        &self,
        slot: &Rc<Slot<B>>,
        request: Request<Sent<B>>,
        trial: bool,
        others: bool,
    ) -> Result<Response<PooledBody<B>>, Failed<B>> {
        let Some(busy) = slot.enter() else {
            return Err(Failed {
                error: OriginError::Busy(slot.target.url.clone()),
                again: Some(Box::new(request)),
                same: false,
            });
        };
        let (progress, wanted) = (request.body().progress(), request.headers().get(UPGRADE).cloned());
        let health = &slot.target.health;
        match self.exchange(slot, request, progress.as_ref(), others).await {
            Ok((response, connection)) => {
                health.succeeded();
                lend(busy, connection, response, progress, wanted.as_ref())
            }
            Err(failed) => {
                if failed.error.is_the_origins_fault() && health.failed(health::now(), trial) {
                    self.shared.metrics.origin_ejections.with_label_values(&[&*slot.target.label]).inc();
                    tracing::warn!(origin = %slot.target.url, error = %failed.error, "an origin is out for a while");
                }
                Err(failed)
            }
        }
    }

    /// Sends a request over a kept connection, or a new one.
    async fn exchange(
        &self,
        slot: &Rc<Slot<B>>,
        mut request: Request<Sent<B>>,
        progress: Option<&Progress>,
        others: bool,
    ) -> Result<Answer<B>, Failed<B>> {
        let only_http1 = is_upgrade(&request);
        // What is switched never comes back, and is not sent twice: a kept connection may be closing just now.
        let most = if only_http1 { 0 } else { self.shared.limits.get().max_idle.max(TRIES) };
        let (mut kept, mut made) = (most, TRIES);
        loop {
            let found = if kept > 0 { slot.kept(RESTED) } else { None };
            let (connection, rested, is_new) = match found {
                Some((connection, rested)) => (connection, rested, false),
                None => match self.connect_in_time(slot, only_http1).await {
                    Ok(connection) => (connection, false, true),
                    Err(error) => return Err(Failed { error, again: Some(Box::new(request)), same: false }),
                },
            };
            // A new connection is a good one, except that many may have come onto one of HTTP/2 at once.
            let is_last = is_new && (made <= 1 || matches!(connection, Connection::Http1(_)));
            match self.over(slot, connection, request, progress, rested, others).await {
                Err(Failed { again: Some(again), same: true, .. }) if !is_last => request = *again,
                result => return result,
            }
            if is_new {
                made -= 1;
            } else {
                kept -= 1;
            }
        }
    }

    /// Sends a request over a connection, which may have `rested` for too long to be trusted.
    async fn over(
        &self,
        slot: &Slot<B>,
        mut connection: Connection<B>,
        mut request: Request<Sent<B>>,
        progress: Option<&Progress>,
        rested: bool,
        others: bool,
    ) -> Result<Answer<B>, Failed<B>> {
        let target = &slot.target;
        let wait = self.shared.limits.get().response;
        let spare = if others || rested { repeatable(&request) } else { None };
        let (sent, unprocessed) = match &mut connection {
            Connection::Http1(sender) => {
                to_http1(&mut request);
                (within(wait, progress, sender.try_send_request(request)).await, None)
            }
            Connection::Http2(stream) => {
                let bare = spare.is_none().then(|| copy(&request)).flatten();
                to_http2(&mut request, target.url.is_tls());
                (within(wait, progress, stream.sender().try_send_request(request)).await, bare)
            }
        };
        let mut error = match sent {
            None => {
                let error = OriginError::ResponseTimeout(target.url.clone());
                return Err(Failed { error, again: None, same: false });
            }
            Some(Ok(response)) => return Ok((response, connection)),
            Some(Err(error)) => error,
        };
        let unsent = error.take_message();
        let is_untouched = unsent.is_some() || is_unprocessed(error.error());
        if let (true, Connection::Http2(stream)) = (is_untouched, &connection) {
            stream.retire();
        }
        let again = unsent.or(spare).or(if is_untouched { unprocessed } else { None });
        let error = if progress.is_some_and(|progress| progress.is_broken()) {
            OriginError::RequestBody(error.into_error())
        } else {
            OriginError::protocol(&target.url, error.into_error())
        };
        Err(Failed { error, again: again.map(Box::new), same: rested || is_untouched })
    }

    /// Closes connections that have been idle for too long.
    pub fn reap(&self) {
        self.slots.borrow_mut().retain(|_, slot| slot.reap());
    }

    fn slot(&self, target: &Arc<Target>) -> Rc<Slot<B>> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.entry(target.id);
        Rc::clone(slot.or_insert_with(|| Rc::new(Slot::new(Arc::clone(target), Rc::clone(&self.shared)))))
    }
}

/// What `sending` leads to, unless nothing moves for `limit`: no answer, and no part of the request's body either.
async fn within<T>(
    limit: Duration,
    progress: Option<&Progress>,
    sending: impl Future<Output = T>,
) -> Option<T> {
    let mut sending = pin!(sending);
    loop {
        match timeout(limit, sending.as_mut()).await {
            Ok(sent) => return Some(sent),
            Err(_) if progress.is_some_and(|progress| progress.take()) => {}
            Err(_) => return None,
        }
    }
}

/// Passes a response on, and its connection with it. `wanted` is what the request wanted to switch to.
fn lend<B>(
    busy: Busy<B>,
    connection: Connection<B>,
    response: Response<Incoming>,
    progress: Option<Progress>,
    wanted: Option<&HeaderValue>,
) -> Result<Response<PooledBody<B>>, Failed<B>> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if is_switched_to(wanted, response.headers()) {
            return Ok(response.map(|body| PooledBody::switched(body, Return { busy, connection })));
        }
        // What follows is for nobody.
        let error = OriginError::Switched(busy.slot().target.url.clone());
        return Err(Failed { error, again: None, same: false });
    }
    let way_back = Return { busy, connection };
    Ok(response.map(|body| PooledBody::new(body, way_back, progress)))
}

#[cfg(test)]
mod tests;
