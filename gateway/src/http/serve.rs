//! Serving one connection: hyper reads requests, each goes through `forward::answer`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;

use super::connection::{Connection, Context};
use super::forward;
use crate::connection::{AsOf, terminated};
use crate::tls::Accepted;

/// Serves a connection until it ends. Once `draining` says so, or once it has lost what it was permitted, the request
/// under way is the last.
pub async fn serve(
    context: Rc<Context>,
    accepted: Accepted,
    source: SocketAddr,
    as_of: AsOf,
    mut draining: watch::Receiver<bool>,
) {
    let idle = context.snapshot.load().timeouts.request_header;
    let label = std::sync::Arc::clone(&accepted.host.label);
    let connection = Rc::new(Connection::new(&accepted, source, as_of));
    // From here on changes are heard of; what came during the handshake is looked for at once.
    let mut changes = context.verdicts.subscribe();
    let service = {
        let (context, connection) = (Rc::clone(&context), Rc::clone(&connection));
        service_fn(move |request| {
            let (context, connection) = (Rc::clone(&context), Rc::clone(&connection));
            async move { Ok::<_, Infallible>(forward::answer(&context, &connection, request).await) }
        })
    };
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(context.max_header)
        .serve_connection(TokioIo::new(accepted.stream), service);
    let mut serving = pin!(serving);
    let has_lost = || {
        let lost = connection.lost(context.in_force());
        lost.inspect(|reason| terminated(&context.metrics, &label, source, reason)).is_some()
    };
    let mut ending = has_lost();
    if ending {
        serving.as_mut().graceful_shutdown();
    }
    let result = loop {
        let end = tokio::select! {
            result = serving.as_mut() => break result,
            // Both senders live as long as the process: an error means the same as the news.
            _ = draining.wait_for(|draining| *draining), if !ending => true,
            _ = changes.changed(), if !ending => has_lost(),
        };
        if end {
            serving.as_mut().graceful_shutdown();
            ending = true;
        }
    };
    if let Err(error) = result {
        context.metrics.connection_errors.with_label_values(&[&*label, reason(&error)]).inc();
        tracing::debug!(%source, host = %label, %error, "connection ended early");
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
