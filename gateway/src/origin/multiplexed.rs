//! HTTP/2 connections to origins: many requests on each.

use std::cell::{Cell, RefCell};
use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http_body::Body;
use hyper::body::Bytes;
use hyper::client::conn::http2::{Builder, Connection as Http2, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::request::Sent;
use super::stream::Stream;

/// How often a connection with requests on it is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);

/// A connection, and how much of it is used.
pub(super) struct Multiplexed<B> {
    sender: SendRequest<Sent<B>>,
    /// Requests under way on it.
    streams: Cell<usize>,
    /// How many the origin allows.
    room: Box<dyn Fn() -> usize>,
    /// Whether it turned a request away: it is on its way to be closed.
    retired: Cell<bool>,
    /// When the last request ended.
    since: Cell<Instant>,
}

/// A request's place on a connection.
pub(super) struct OnStream<B>(Rc<Multiplexed<B>>);

impl<B> Multiplexed<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// Speaks HTTP/2 on `stream`.
    pub(super) async fn new(stream: Stream) -> hyper::Result<Rc<Self>> {
        let work = Rc::new(Notify::new());
        let mut builder = Builder::new(Local(Rc::clone(&work)));
        builder.timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PONG);
        // There is no room until the origin's SETTINGS say how much: what was sent before could be refused.
        builder.initial_max_send_streams(0);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        let connection = Rc::new(RefCell::new(Some(connection)));
        let mut serving = tokio::task::spawn_local({
            let connection = Rc::clone(&connection);
            poll_fn(move |cx| {
                let mut connection = connection.borrow_mut();
                let Some(serving) = &mut *connection else { return Poll::Ready(Ok(())) };
                let end = Pin::new(serving).poll(cx);
                if end.is_ready() {
                    // With it goes its end of the queue: what waits there comes back, and nothing more gets in.
                    *connection = None;
                }
                end
            })
        });
        let room = move || connection.borrow().as_ref().map_or(0, Http2::current_max_send_streams);
        loop {
            let more = work.notified();
            if room() > 0 {
                break;
            }
            tokio::select! {
                // It does not panic, and nobody aborts it. From here on its errors reach whoever sends on it.
                Ok(end) = &mut serving => {
                    end?;
                    break;
                }
                () = more => {}
            }
        }
        let (streams, retired, since) = (Cell::new(0), Cell::new(false), Cell::new(Instant::now()));
        Ok(Rc::new(Self { sender, streams, room: Box::new(room), retired, since }))
    }
}

impl<B> Multiplexed<B> {
    /// Whether it takes no more requests, ever.
    pub(super) fn is_closed(&self) -> bool {
        self.retired.get() || self.sender.is_closed()
    }

    /// Whether it has had no requests for `limit`.
    pub(super) fn rested(&self, limit: Duration) -> bool {
        self.streams.get() == 0 && self.since.get().elapsed() >= limit
    }

    /// A place for a request, if there is one.
    pub(super) fn enter(self: &Rc<Self>) -> Option<OnStream<B>> {
        if self.is_closed() || self.streams.get() >= (self.room)() {
            return None;
        }
        self.streams.set(self.streams.get() + 1);
        Some(OnStream(Rc::clone(self)))
    }
}

impl<B> OnStream<B> {
    /// What sends on it.
    pub(super) fn sender(&self) -> SendRequest<Sent<B>> {
        self.0.sender.clone()
    }

    /// Lets no more requests onto its connection.
    pub(super) fn retire(&self) {
        self.0.retired.set(true);
    }

    /// Whether the connection had no other requests for `limit`.
    pub(super) fn rested(&self, limit: Duration) -> bool {
        self.0.streams.get() == 1 && self.0.since.get().elapsed() >= limit
    }
}

impl<B> Drop for OnStream<B> {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get() - 1);
        self.0.since.set(Instant::now());
    }
}

/// Whether the origin says that it has not looked at the request at all (RFC 9113, 8.7).
pub(super) fn is_unprocessed(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    source.is_some_and(|error| {
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let going = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        error.is_remote() && (refused || going)
    })
}

/// Runs hyper's tasks on this worker, and says so each time that one of them did something.
#[derive(Clone)]
struct Local(Rc<Notify>);

impl<F: Future<Output: 'static> + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        let (work, mut task) = (Rc::clone(&self.0), Box::pin(task));
        tokio::task::spawn_local(poll_fn(move |cx| {
            let end = task.as_mut().poll(cx);
            work.notify_waiters();
            end
        }));
    }
}
