//! Connections to origins, one pool a worker: no locks, and no connection changes its core.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::rc::{Rc, Weak};
use std::time::Duration;

use http_body::Body;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};

use super::body::PooledBody;
use super::dial::{DialError, Dialer};
use super::target::Target;
use crate::model::origin::OriginUrl;

/// A kept connection that rested longer than this may be closing at the other end just now.
const RESTED: Duration = Duration::from_millis(500);

/// Bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connecting, name resolution included.
    pub connect: Duration,
    /// From the request to the response's head.
    pub response: Duration,
    /// How long an idle connection is kept.
    pub idle: Duration,
    /// Idle connections for each origin.
    pub max_idle: usize,
}

/// Why an origin did not answer.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It answered something that is not HTTP/1.1, or closed the connection instead.
    #[error("{origin} broke the connection off: {error}")]
    Protocol {
        /// Which one.
        origin: OriginUrl,
        /// What hyper said.
        error: hyper::Error,
    },
    /// The client's request could not be read to its end.
    #[error("the client's request body broke off: {0}")]
    RequestBody(hyper::Error),
    /// No response in time.
    #[error("{0} did not answer in time")]
    ResponseTimeout(OriginUrl),
    /// It switched to another protocol, which nobody had asked it to.
    #[error("{0} answered 101 to a request without Upgrade")]
    Switched(OriginUrl),
}

impl OriginError {
    /// The value of the metric label and the log field `reason`.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.label(),
            Self::Protocol { .. } => "origin_protocol",
            Self::RequestBody(_) => "request_body",
            Self::ResponseTimeout(_) => "origin_response_timeout",
            Self::Switched(_) => "origin_switched",
        }
    }

    /// Whether it took too long, rather than failed.
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Dial(DialError::Timeout(_)) | Self::ResponseTimeout(_))
    }
}

/// Connections to origins. Cloning gives another handle to the same pool.
pub struct Pool<B> {
    shared: Rc<Shared<B>>,
}

struct Shared<B> {
    dialer: Dialer,
    idle: RefCell<HashMap<OriginUrl, Vec<Idle<B>>>>,
    limits: RefCell<Limits>,
}

struct Idle<B> {
    sender: SendRequest<B>,
    since: Instant,
}

/// A borrowed connection's way back to its pool.
pub(super) struct Return<B> {
    pool: Weak<Shared<B>>,
    origin: OriginUrl,
    sender: SendRequest<B>,
}

impl<B> Clone for Pool<B> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Default + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// An empty pool, which connects through `dialer`.
    pub fn new(dialer: Dialer, limits: Limits) -> Self {
        Self { shared: Rc::new(Shared { dialer, idle: RefCell::default(), limits: RefCell::new(limits) }) }
    }

    /// Applies other bounds from now on.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.limits.replace(limits);
    }

    /// Sends a request. A connection that turns out to be closed costs nothing but another try, as long as the
    /// origin cannot have seen the request, or may see it twice.
    ///
    /// # Errors
    /// [`OriginError`]. `request` has the path and headers that the origin is to see.
    pub async fn send(
        &self,
        target: &Target,
        mut request: Request<B>,
    ) -> Result<Response<PooledBody<B>>, OriginError> {
        let origin = &target.url;
        let limits = *self.shared.limits.borrow();
        while let Some(Idle { mut sender, since }) = self.take(origin, limits.idle) {
            let spare = (since.elapsed() > RESTED).then(|| repeatable(&request)).flatten();
            let error = match timeout(limits.response, sender.try_send_request(request)).await {
                Err(_) => return Err(OriginError::ResponseTimeout(origin.clone())),
                Ok(Ok(response)) => return self.lend(origin, sender, response),
                Ok(Err(error)) => error,
            };
            request = retry(origin, error, spare)?;
        }
        let mut sender = self.connect(target, limits.connect).await?;
        match timeout(limits.response, sender.try_send_request(request)).await {
            Err(_) => Err(OriginError::ResponseTimeout(origin.clone())),
            Ok(Ok(response)) => self.lend(origin, sender, response),
            Ok(Err(error)) => Err(failure(origin, error.into_error())),
        }
    }

    /// Closes connections that have been idle for too long.
    pub fn reap(&self) {
        let limit = self.shared.limits.borrow().idle;
        self.shared.idle.borrow_mut().retain(|_, idle| {
            idle.retain(|idle| idle.since.elapsed() < limit && !idle.sender.is_closed());
            !idle.is_empty()
        });
    }

    fn take(&self, origin: &OriginUrl, limit: Duration) -> Option<Idle<B>> {
        let mut pool = self.shared.idle.borrow_mut();
        let idle = pool.get_mut(origin)?;
        // The most recently used first, so that the others grow old and go.
        std::iter::from_fn(|| idle.pop()).find(|idle| idle.sender.is_ready() && idle.since.elapsed() < limit)
    }

    fn lend(
        &self,
        origin: &OriginUrl,
        sender: SendRequest<B>,
        response: Response<Incoming>,
    ) -> Result<Response<PooledBody<B>>, OriginError> {
        // `Upgrade` is never passed on: what follows a 101 is for nobody.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(OriginError::Switched(origin.clone()));
        }
        let way_back = Return { pool: Rc::downgrade(&self.shared), origin: origin.clone(), sender };
        Ok(response.map(|body| PooledBody::new(body, way_back)))
    }

    async fn connect(&self, target: &Target, limit: Duration) -> Result<SendRequest<B>, OriginError> {
        let stream = self.shared.dialer.dial(target, limit).await?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| failure(&target.url, error))?;
        // Its errors reach whoever sends on it.
        tokio::task::spawn_local(connection);
        Ok(sender)
    }
}

impl<B: 'static> Return<B> {
    /// Gives the connection back, once it is ready for another request.
    pub(super) fn give_back(mut self) {
        if self.sender.is_ready() {
            return self.put();
        }
        tokio::task::spawn_local(async move {
            if self.sender.ready().await.is_ok() {
                self.put();
            }
        });
    }

    fn put(self) {
        let Some(pool) = self.pool.upgrade() else { return };
        let max_idle = pool.limits.borrow().max_idle;
        let mut idle = pool.idle.borrow_mut();
        let idle = idle.entry(self.origin).or_default();
        if idle.len() < max_idle {
            idle.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}

/// A copy of a request that an origin may see twice: a safe method (RFC 9110, 9.2.1) without a body.
fn repeatable<B: Body + Default>(request: &Request<B>) -> Option<Request<B>> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(B::default());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

fn retry<B>(
    origin: &OriginUrl,
    mut error: hyper::client::conn::TrySendError<Request<B>>,
    spare: Option<Request<B>>,
) -> Result<Request<B>, OriginError> {
    match error.take_message().or(spare) {
        Some(request) => Ok(request),
        None => Err(failure(origin, error.into_error())),
    }
}

fn failure(origin: &OriginUrl, error: hyper::Error) -> OriginError {
    if error.is_user() {
        OriginError::RequestBody(error)
    } else {
        OriginError::Protocol { origin: origin.clone(), error }
    }
}

#[cfg(test)]
mod tests;
