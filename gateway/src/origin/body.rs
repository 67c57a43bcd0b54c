//! A response body that gives its connection back to the pool when it has been read to its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};

use super::pool::Return;

/// The body of an origin's response. Dropped before its end, it takes its connection with it.
pub struct PooledBody<B: 'static> {
    body: Incoming,
    way_back: Option<Return<B>>,
}

impl<B: 'static> PooledBody<B> {
    pub(super) fn new(body: Incoming, way_back: Return<B>) -> Self {
        let mut pooled = Self { body, way_back: Some(way_back) };
        if pooled.body.is_end_stream() {
            pooled.finish();
        }
        pooled
    }

    fn finish(&mut self) {
        if let Some(way_back) = self.way_back.take() {
            way_back.give_back();
        }
    }
}

impl<B: 'static> Body for PooledBody<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(None) => self.finish(),
            Poll::Ready(Some(Err(_))) => self.way_back = None,
            // Without this the connection would come back only when somebody asks for a frame after the last.
            Poll::Ready(Some(Ok(_))) if self.body.is_end_stream() => self.finish(),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
