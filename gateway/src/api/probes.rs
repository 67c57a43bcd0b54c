//! `/metrics`, `/livez` and `/readyz` over plain HTTP.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::control::Control;

/// Connections at the same time; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// From accept or response to the end of a request's header.
const HEADER: Duration = Duration::from_secs(30);

/// Between attempts to accept, after one that failed.
const BACKOFF: Duration = Duration::from_millis(100);

/// Serves the probes until the process ends.
pub async fn serve(listener: TcpListener, control: Arc<Control>) {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(control);
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let router = router.clone();
        let stream = accept(&listener).await;
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
            // Who asks may go whenever it likes.
            let _ = connection.await;
            drop(permit);
        });
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => log_and_wait(&error).await,
        }
    }
}

async fn log_and_wait(error: &io::Error) {
    tracing::warn!(%error, "the metrics endpoint cannot accept a connection");
    sleep(BACKOFF).await;
}

async fn metrics(State(control): State<Arc<Control>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], control.metrics())
}

/// 200 while connections are taken, with what is degraded in the body; 503 while draining.
async fn ready(State(control): State<Arc<Control>>) -> impl IntoResponse {
    let (ready, warnings) = control.readiness();
    let (status, word) =
        if ready { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let lines: Vec<_> = std::iter::once(word.to_owned()).chain(warnings).collect();
    (status, lines.join("\n") + "\n")
}
