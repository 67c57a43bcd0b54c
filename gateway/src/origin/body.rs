//! A response body that gives its connection back when it has been read to its end, and is given up when it stalls.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use tokio::time::{Instant, Sleep, sleep};

use super::request::Progress;
use super::slot::Return;

/// The body of an origin's response. Dropped before its end, it takes its connection, or its stream, with it.
pub struct PooledBody<B: 'static> {
    body: Incoming,
    way_back: Option<Return<B>>,
    /// Whether the request's body still moves.
    request: Option<Progress>,
    /// There once somebody had to wait.
    patience: Option<Pin<Box<Sleep>>>,
    /// Whether anything came since `patience` was last looked at.
    moved: bool,
}

/// Why a response broke off.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    /// Nothing came, and nothing went, for too long.
    #[error("no byte passed within timeout.origin_stall")]
    Stalled,
}

impl<B: 'static> PooledBody<B> {
    pub(super) fn new(body: Incoming, way_back: Return<B>, request: Option<Progress>) -> Self {
        let mut pooled = Self { body, way_back: Some(way_back), request, patience: None, moved: false };
        if pooled.body.is_end_stream() {
            pooled.finish();
        }
        pooled
    }

    /// Of a 101: there is none, and its connection never comes back. As long as this lives, it counts as under way.
    pub(super) fn switched(body: Incoming, way_back: Return<B>) -> Self {
        Self { body, way_back: Some(way_back), request: None, patience: None, moved: false }
    }

    fn finish(&mut self) {
        if let Some(way_back) = self.way_back.take() {
            way_back.give_back();
        }
    }

    /// Ready when nothing has moved for as long as may be, at most twice that.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(way_back) = &self.way_back else { return Poll::Pending };
        let limit = way_back.stall();
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(limit)));
        loop {
            ready!(patience.as_mut().poll(cx));
            let request_moved = self.request.as_ref().is_some_and(|progress| progress.take());
            if !std::mem::take(&mut self.moved) && !request_moved {
                way_back.stalled();
                return Poll::Ready(());
            }
            patience.as_mut().reset(Instant::now() + limit);
        }
    }
}

impl<B: 'static> Body for PooledBody<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(None) => self.finish(),
            Poll::Ready(Some(Err(_))) => self.way_back = None,
            Poll::Ready(Some(Ok(_))) => {
                self.moved = true;
                // Without this the connection would come back only when somebody asks for a frame after the last.
                if self.body.is_end_stream() {
                    self.finish();
                }
            }
            Poll::Pending => {
                ready!(self.poll_patience(cx));
                self.way_back = None;
                return Poll::Ready(Some(Err(BodyError::Stalled)));
            }
        }
        frame.map_err(BodyError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
