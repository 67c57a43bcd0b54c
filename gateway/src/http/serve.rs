//! Serving one connection: hyper reads requests, each goes through `forward::answer`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::connection::{Connection, Context};
use super::forward::{self, ResponseBody};
use super::held::Held;
use super::watch::{End, Watch};
use crate::connection::AsOf;
use crate::tls::Accepted;

/// How long an HTTP/2 connection has for its GOAWAY once it has lost what it was permitted. Its streams end with it.
const FAREWELL: Duration = Duration::from_millis(100);

/// How long a peer has to answer an HTTP/2 PING, and so to read our goodbye.
const PONG: Duration = Duration::from_secs(20);

/// Octets of request bodies that may wait in an HTTP/2 connection, for all its streams together and for one.
const WINDOWS: (u32, u32) = (1 << 20, 1 << 18);

/// Octets of a response's body that an HTTP/2 stream takes before its peer does.
const SEND_BUFFER: usize = 1 << 16;

/// Serves a connection until it ends. Once `draining` says so, the requests under way are the last; once it has lost what it
/// was permitted, HTTP/1.1 still finishes the one under way, and HTTP/2 ends at once.
pub async fn serve(
    context: Rc<Context>,
    accepted: Accepted,
    source: SocketAddr,
    as_of: AsOf,
    draining: watch::Receiver<bool>,
) {
    let label = Arc::clone(&accepted.host.label);
    let connection = Rc::new(Connection::new(&accepted, source, as_of, context.max_streams));
    let is_http2 = accepted.is_http2();
    let version = if is_http2 { "2" } else { "1.1" };
    context.metrics.http_connections.with_label_values(&[&*label, version]).inc();
    let service = {
        let (context, connection) = (Rc::clone(&context), Rc::clone(&connection));
        service_fn(move |request| answer(Rc::clone(&context), Rc::clone(&connection), request))
    };
    let idle = context.snapshot.load().timeouts.request_header;
    let mut watch = Watch::new(Rc::clone(&context), Rc::clone(&connection), Arc::clone(&label), draining);
    let io = TokioIo::new(accepted.stream);
    let result = if is_http2 {
        watch.limit_idle(idle);
        let serving = http2(&context, idle).serve_connection(io, service);
        drive(serving, watch, true).await
    } else {
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_buf_size(context.max_header)
            .serve_connection(io, service)
            .with_upgrades();
        drive(serving, watch, false).await
    };
    let switched = connection.switched.take();
    if let Some(switched) = switched {
        Box::pin(switched.run(&context, &connection)).await;
    }
    if let Err(error) = result {
        context.metrics.connection_errors.with_label_values(&[&*label, reason(&error)]).inc();
        tracing::debug!(%source, host = %label, %error, "connection ended early");
    }
}

async fn answer(
    context: Rc<Context>,
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Held<ResponseBody>>, Infallible> {
    let busy = connection.busy();
    let response = forward::answer(&context, &connection, busy.number, request).await;
    Ok(response.map(|body| Held::new(body, busy)))
}

fn http2(context: &Context, idle: Duration) -> http2::Builder<Local> {
    let (connection, stream) = WINDOWS;
    let mut builder = http2::Builder::new(Local);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(context.max_streams)
        .max_local_error_reset_streams(context.max_streams as usize)
        .max_header_list_size(u32::try_from(context.max_header).unwrap_or(u32::MAX))
        .initial_connection_window_size(connection)
        .initial_stream_window_size(stream)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(idle)
        .keep_alive_timeout(PONG);
    builder
}

/// Streams are tasks of the worker that has their connection.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, stream: F) {
        spawn_local(stream);
    }
}

/// A connection of either version.
trait Serving: Future<Output = hyper::Result<()>> {
    /// Lets the requests under way be the last.
    fn finish(self: Pin<&mut Self>);
}

impl<S, B> Serving for http1::UpgradeableConnection<TokioIo<Stream>, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: http_body::Body + 'static,
    B::Error: Into<BoxError>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, B> Serving for http2::Connection<TokioIo<Stream>, S, Local>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Future: 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body + 'static,
    B::Error: Into<BoxError>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

type Stream = Box<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Serves until the connection has ended, however that comes. HTTP/2 has streams to end, and a peer that may never read that
/// they do: it waits for neither.
async fn drive(serving: impl Serving, mut watch: Watch, is_http2: bool) -> hyper::Result<()> {
    let mut serving = pin!(serving);
    loop {
        let end = tokio::select! {
            result = serving.as_mut() => return result,
            end = watch.next() => end,
        };
        serving.as_mut().finish();
        let patience = match end {
            End::Lost if is_http2 => FAREWELL,
            End::Idle => PONG,
            End::Lost | End::Finish => continue,
        };
        return timeout(patience, serving).await.unwrap_or(Ok(()));
    }
}

fn reason(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        "header_too_large"
    } else if error.is_parse() {
        "malformed_request"
    } else if error.is_timeout() {
        "request_header_timeout"
    } else if error.is_incomplete_message() {
        "closed_during_request"
    } else if error.is_user() || error.is_body_write_aborted() {
        // The response's body is the only part of ours that can fail, and it comes from the origin.
        "origin_broke_off"
    } else {
        "connection_lost"
    }
}
