//! `/metrics`, `/livez` and `/readyz` over plain HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::server;
use crate::control::Control;

/// Connections at the same time; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// Serves the probes until the process ends.
pub async fn serve(listener: TcpListener, control: Arc<Control>) {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(control);
    server::serve(listener, MAX_CONNECTIONS, None, router).await;
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
