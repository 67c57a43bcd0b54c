//! The request's body on its way to the origin.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::HeaderName;
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};

use super::headers;
use crate::limit::Pace;
use crate::model::forwarding::Template;

/// A client's body, without the trailers that only we may set. The default is an empty body.
#[derive(Default)]
pub struct RequestBody {
    body: Option<Incoming>,
    own: Arc<[(HeaderName, Template)]>,
    pace: Option<Pace>,
}

impl RequestBody {
    /// `own` are the headers that the operator has us set.
    pub(super) fn new(body: Incoming, own: &Arc<[(HeaderName, Template)]>, pace: Option<Pace>) -> Self {
        Self { body: Some(body), own: Arc::clone(own), pace }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body: Some(body), own, pace } = &mut *self else { return Poll::Ready(None) };
        if let Some(pace) = pace {
            ready!(pace.poll_ready(cx));
        }
        Pin::new(body).poll_frame(cx).map_ok(|mut frame| {
            if let Some(pace) = pace {
                pace.moved(frame.data_ref().map_or(0, Bytes::len));
            }
            if let Some(trailers) = frame.trailers_mut() {
                headers::strip_reserved(trailers, own);
            }
            frame
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
