//! HTTP/1.1 on one connection. While nothing is on its way in it, it is parked: taken out of hyper, whose buffers are most of
//! what an idle connection costs.

use std::pin::Pin;
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, Parts, UpgradeableConnection as Http1};
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until};

use super::connection::Context;
use super::io::{Io, Quiet};
use super::watch::{End, Watch};
use crate::telemetry::Counted;

/// How long a connection rests before it is parked. Shorter than any device's interval, longer than a burst's gaps.
const REST: Duration = Duration::from_secs(1);

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long things may take.
pub(super) struct Times {
    /// From one request to the end of the next one's head.
    pub(super) idle: Duration,
    /// A response that is not read.
    pub(super) unread: Duration,
}

/// A connection without requests that come or go.
struct Parked<S> {
    io: Io,
    service: S,
    /// How long the next request's head may take.
    patience: Duration,
}

/// What ends the rest of a parked connection.
enum Woken {
    /// Something to read.
    Something,
    /// Its peer has reset it.
    Gone,
    /// A change, or the time.
    Over,
}

/// Serves until the connection has ended, however that comes.
pub(super) async fn serve<S, B>(
    context: &Context,
    io: Io,
    service: S,
    watch: &mut Watch,
    times: &Times,
) -> hyper::Result<()>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let (connection, idle) = (watch.connection(), times.idle);
    let mut parked = Parked { io, service, patience: idle };
    loop {
        let quiet = parked.io.quiet();
        // In a box that is gone while the connection is parked.
        let mut serving = Box::new(
            Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(parked.patience)
                .max_buf_size(context.max_header)
                .serve_connection(TokioIo::new(parked.io), parked.service)
                .with_upgrades(),
        );
        watch.limit_idle(Some(REST));
        if let Some(result) = drive(&mut serving, &quiet, watch, times.unread).await {
            context.turns.to_end().await;
            return result;
        }
        watch.limit_idle(None);
        // It has been switched, and is not ours any more.
        let Some(Parts { io, read_buf, service, .. }) = serving.into_parts() else { return Ok(()) };
        let end = connection.resting_since().unwrap_or_else(Instant::now) + idle;
        parked = Parked { io: io.into_inner(), service, patience: idle };
        if read_buf.is_empty() {
            // Empty as it is, it has room.
            drop(read_buf);
            match wakes(context, &parked.io, watch, end).await {
                Woken::Something => {}
                Woken::Gone => {
                    watch.gone();
                    context.turns.to_end().await;
                    return Ok(());
                }
                Woken::Over => {
                    parked.io.close().await;
                    return Ok(());
                }
            }
        } else {
            // A head that has begun: it has no more time than before.
            parked.patience = end.saturating_duration_since(Instant::now());
            parked.io = parked.io.with(read_buf);
        }
    }
}

/// Serves until the connection has ended, or may be parked.
async fn drive<S, B>(
    serving: &mut Http1<TokioIo<Io>, S>,
    quiet: &Quiet,
    watch: &mut Watch,
    unread: Duration,
) -> Option<hyper::Result<()>>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let connection = watch.connection();
    loop {
        let end = tokio::select! {
            // The watch comes first, so that no traffic keeps news from it; what the connection leaves behind is looked at last.
            biased;
            end = watch.next() => end,
            result = &mut *serving => return Some(result),
            () = connection.responses.unread(unread) => {
                watch.unread();
                return Some(Ok(()));
            }
        };
        match end {
            End::Lost | End::Finish => Pin::new(&mut *serving).graceful_shutdown(),
            // With a body that was not read to its end nobody but hyper knows where the next request begins.
            End::Idle if quiet.is() && connection.bodies.is_empty() => return None,
            End::Idle => {}
        }
    }
}

/// Waits for something to come on a parked connection.
async fn wakes(context: &Context, io: &Io, watch: &mut Watch, end: Instant) -> Woken {
    let _counted = Counted::new(&context.metrics.connections_parked);
    tokio::select! {
        is_there = io.readable() => if is_there { Woken::Something } else { Woken::Gone },
        _ = watch.next() => Woken::Over,
        () = sleep_until(end) => Woken::Over,
    }
}
