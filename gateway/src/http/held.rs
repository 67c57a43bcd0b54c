//! A response body that says when it is done with.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use hyper::body::Buf as _;

use super::connection::Busy;
use crate::limit::Pace;

/// A body, and the note that its connection is busy for as long as it lives.
pub(super) struct Held<B: Body> {
    body: B,
    busy: Busy,
    /// In a box: most devices have none.
    pace: Option<Box<Pace>>,
}

impl<B: Body> Held<B> {
    pub(super) fn new(body: B, busy: Busy, pace: Option<Pace>) -> Self {
        busy.handed();
        Self { body, busy, pace: pace.map(Box::new) }
    }
}

impl<B: Body> Drop for Held<B> {
    fn drop(&mut self) {
        // Who never asks for the last frame may know that there is none.
        self.busy.done |= self.body.is_end_stream();
    }
}

impl<B: Body + Unpin> Body for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Self { body, busy, pace } = &mut *self;
        busy.asked();
        if let Some(pace) = pace {
            ready!(pace.poll_ready(cx));
        }
        let frame = Pin::new(body).poll_frame(cx);
        if frame.is_ready() {
            busy.handed();
        }
        if let (Some(pace), Poll::Ready(Some(Ok(frame)))) = (pace, &frame) {
            pace.moved(frame.data_ref().map_or(0, B::Data::remaining));
        }
        self.busy.done |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
