//! What the routes have in common: refusals, and work that may block.

use std::fmt::Display;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// A refusal, as every route says it.
pub(super) fn refused(status: StatusCode, problem: &impl Display) -> Response {
    (status, Json(json!({ "problems": [problem.to_string()] }))).into_response()
}

/// Does work that may wait for a lock or a disk, away from the thread that answers probes.
pub(super) async fn blocking(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| refused(StatusCode::INTERNAL_SERVER_ERROR, &error))
}
