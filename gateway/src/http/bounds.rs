//! Bounds of a request's body: how large it may be, and how long it may stand still.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode};
use http_body::Body;
use prometheus::IntCounterVec;

use super::connection::Context;
use crate::connection::State;

/// The bounds of one body. Who sends the request has them too, and looks here when that fails.
pub(super) struct Bounds {
    /// How long it may stand still.
    pub(super) idle: Duration,
    /// Bytes at most.
    most: u64,
    fault: Cell<Option<Fault>>,
    limited: IntCounterVec,
    host: Arc<str>,
}

/// What is wrong with a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It stood still for too long.
    #[error("no byte of the request's body came within timeout.request_body")]
    Idle,
    /// It is larger than it may be.
    #[error("the request's body is larger than server.max_request_body")]
    TooLarge,
}

/// Why a request's body has no end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    /// A bound was reached.
    #[error(transparent)]
    Bound(#[from] Fault),
}

impl Fault {
    /// The status that says so.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Idle => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// The log field `reason`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Idle => "request_body_timeout",
            Self::TooLarge => "request_body_too_large",
        }
    }

    /// A sentence for people.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Idle => "The rest of the request did not come in time.",
            Self::TooLarge => "The request is larger than this gateway lets pass.",
        }
    }

    /// The name of the bound's key.
    const fn limit(self) -> &'static str {
        match self {
            Self::Idle => "request_body",
            Self::TooLarge => "max_request_body",
        }
    }
}

impl Bounds {
    /// Those of a request, where it has a body.
    ///
    /// # Errors
    /// When it says itself that it is too large.
    pub(super) fn of<B: Body>(
        context: &Context,
        state: &State,
        request: &Request<B>,
    ) -> Result<Option<Rc<Self>>, Fault> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        let bounds = Self {
            idle: context.snapshot.load().timeouts.request_body,
            most: if context.max_body == 0 { u64::MAX } else { context.max_body },
            fault: Cell::new(None),
            limited: context.metrics.body_limited.clone(),
            host: Arc::clone(&state.host.label),
        };
        bounds.check(request.body().size_hint().lower())?;
        Ok(Some(Rc::new(bounds)))
    }

    /// Whether a body may have so many bytes.
    pub(super) fn check(&self, bytes: u64) -> Result<(), Fault> {
        if bytes > self.most { Err(self.broken(Fault::TooLarge)) } else { Ok(()) }
    }

    /// Notes what is wrong, and counts it.
    pub(super) fn broken(&self, fault: Fault) -> Fault {
        self.limited.with_label_values(&[&*self.host, fault.limit()]).inc();
        self.fault.set(Some(fault));
        fault
    }

    /// What was wrong, if anything was.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.get()
    }
}
