//! Serving one connection: hyper reads requests, each goes through `forward::answer`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::connection::{Connection, Context};
use super::forward::{self, ResponseBody};
use super::held::Held;
use super::http1::{self, BoxError};
use super::io::Io;
use super::watch::{End, Watch};
use crate::connection::{AsOf, Phase};
use crate::limit::{Direction, Standing};
use crate::tls::Accepted;

/// How long an HTTP/2 connection has for its GOAWAY once it has lost what it was permitted. Its streams end with it.
const FAREWELL: Duration = Duration::from_millis(100);

/// How long a peer has to answer an HTTP/2 PING, and so to read our goodbye.
const PONG: Duration = Duration::from_secs(20);

/// Octets of request bodies that may wait in an HTTP/2 connection, for all its streams together and for one.
const WINDOWS: (u32, u32) = (1 << 20, 1 << 18);

/// Octets of a response's body that an HTTP/2 stream takes before its peer does.
const SEND_BUFFER: usize = 1 << 16;

/// Serves a connection until it ends. As `phase` moves on, the next request or those under way are the last; once it has lost
/// what it was permitted, HTTP/1.1 still finishes the one under way, and HTTP/2 ends at once.
pub async fn serve(
    context: Rc<Context>,
    accepted: Accepted,
    (source, standing): (SocketAddr, Standing),
    as_of: AsOf,
    phase: watch::Receiver<Phase>,
) {
    let label = Arc::clone(&accepted.host.label);
    let connection = Rc::new(Connection::new(&accepted, (source, standing), as_of, context.max_streams));
    let is_http2 = accepted.is_http2();
    let version = if is_http2 { "2" } else { "1.1" };
    context.metrics.http_connections.with_label_values(&[&*label, version]).inc();
    let service = {
        let (context, connection) = (Rc::clone(&context), Rc::clone(&connection));
        service_fn(move |request| answer(Rc::clone(&context), Rc::clone(&connection), request))
    };
    let is_welcome = connection.enter(&context.devices, &accepted);
    let (idle, unread) = limits(&context, is_welcome);
    let mut watch = Watch::new(Rc::clone(&context), Rc::clone(&connection), Arc::clone(&label), phase);
    let io = Io::new(accepted.stream);
    let result = if is_http2 {
        watch.limit_idle(Some(idle));
        watch.leave_early();
        let serving = http2(&context, idle).serve_connection(TokioIo::new(io), service);
        drive(&context, serving, &mut watch, unread).await
    } else {
        http1::serve(&context, io, service, &mut watch, &http1::Times { idle, unread }).await
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

/// How long a connection may be without a request, and how long it may leave a response unread. Who is not welcome has to
/// say quickly what it wants, so that it can be told.
fn limits(context: &Context, is_welcome: bool) -> (Duration, Duration) {
    let timeouts = &context.snapshot.load().timeouts;
    let idle = if is_welcome { timeouts.request_header } else { timeouts.handshake };
    (idle, timeouts.response_write)
}

async fn answer(
    context: Rc<Context>,
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Held<ResponseBody>>, Infallible> {
    let (busy, version) = (connection.busy(), request.version());
    if !request.body().is_end_stream() {
        connection.bodies.add();
    }
    let mut response = forward::answer(&context, &connection, busy.number, request).await;
    if version == Version::HTTP_2 {
        if connection.is_unwelcome() {
            connection.finish();
        }
    } else if connection.is_last() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let pace = connection.pace(Direction::Sent);
    Ok(response.map(|body| Held::new(body, busy, pace)))
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

/// Serves HTTP/2 until the connection has ended, however that comes. It has streams to end, and a peer that may never read
/// that they do: it waits for neither.
async fn drive<S, B>(
    context: &Context,
    serving: http2::Connection<TokioIo<Io>, S, Local>,
    watch: &mut Watch,
    unread: Duration,
) -> hyper::Result<()>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Future: 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body + 'static,
    B::Error: Into<BoxError>,
{
    let (mut serving, connection) = (pin!(serving), watch.connection());
    loop {
        let end = tokio::select! {
            // The watch comes first, so that no traffic keeps news from it; what the connection leaves behind is looked at last.
            biased;
            end = watch.next() => end,
            result = serving.as_mut() => {
                context.turns.to_end().await;
                return result;
            }
            () = connection.responses.unread(unread) => {
                watch.unread();
                return Ok(());
            }
        };
        serving.as_mut().graceful_shutdown();
        let patience = match end {
            End::Lost => FAREWELL,
            End::Idle => PONG,
            End::Finish => continue,
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
