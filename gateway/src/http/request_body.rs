//! The request's body on its way to the origin.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::HeaderName;
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use tokio::time::{Instant, Sleep, sleep};

use super::bodies::Reading;
use super::bounds::{BodyError, Bounds, Fault};
use super::headers;
use crate::limit::Pace;
use crate::model::forwarding::Template;

/// What holds a body to what its device may send, and remembers whether it came to its end.
pub(super) struct Guard {
    pub(super) pace: Option<Pace>,
    pub(super) bounds: Option<Rc<Bounds>>,
    pub(super) reading: Reading,
}

/// A client's body within its bounds, without the trailers that only we may set. The default is an empty body.
#[derive(Default)]
pub struct RequestBody {
    body: Option<Incoming>,
    own: Arc<[(HeaderName, Template)]>,
    guard: Option<Guard>,
    /// Bytes that came.
    bytes: u64,
    /// There once somebody had to wait.
    patience: Option<Pin<Box<Sleep>>>,
    /// Whether anything came since `patience` was last looked at.
    moved: bool,
}

impl RequestBody {
    /// `own` are the headers that the operator has us set.
    pub(super) fn new(body: Incoming, own: &Arc<[(HeaderName, Template)]>, guard: Guard) -> Self {
        Self { body: Some(body), own: Arc::clone(own), guard: Some(guard), ..Self::default() }
    }

    /// Takes note of a frame, and takes out of it what is not for the device to say.
    fn look_at(&mut self, frame: &mut Frame<Bytes>) -> Result<(), Fault> {
        self.moved = true;
        if let Some(trailers) = frame.trailers_mut() {
            headers::strip_reserved(trailers, &self.own);
        }
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.bytes += bytes as u64;
        let Some(guard) = &self.guard else { return Ok(()) };
        if let Some(pace) = &guard.pace {
            pace.moved(bytes);
        }
        guard.bounds.as_ref().map_or(Ok(()), |bounds| bounds.check(self.bytes))
    }

    /// Takes note of its end.
    fn look_for_end(&mut self, is_over: bool) {
        let is_over = is_over || self.is_end_stream();
        if let Some(guard) = self.guard.as_mut().filter(|_| is_over) {
            guard.reading.done();
        }
    }

    /// Ready when the device has sent nothing for as long as may be, at most twice that.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        let bounds = self.guard.as_ref().and_then(|guard| guard.bounds.as_ref());
        let Some(bounds) = bounds else { return Poll::Pending };
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(bounds.idle)));
        loop {
            ready!(patience.as_mut().poll(cx));
            if !std::mem::take(&mut self.moved) {
                return Poll::Ready(bounds.broken(Fault::Idle));
            }
            patience.as_mut().reset(Instant::now() + bounds.idle);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Some(pace) = this.guard.as_mut().and_then(|guard| guard.pace.as_mut()) {
            ready!(pace.poll_ready(cx));
        }
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(mut frame))) => {
                let looked = this.look_at(&mut frame);
                this.look_for_end(false);
                Poll::Ready(Some(looked.map(|()| frame).map_err(BodyError::from)))
            }
            Poll::Ready(end) => {
                this.look_for_end(end.is_none());
                Poll::Ready(end.map(|result| result.map_err(BodyError::from)))
            }
            Poll::Pending => this.poll_patience(cx).map(|fault| Some(Err(fault.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
