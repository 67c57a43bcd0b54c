//! Refusals of the framework, which are plain text, in the shape that all others have.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::Response;

use super::refusal::{Refusal, code};

/// Octets of a refusal that are passed on.
const MOST: usize = 4096;

/// Gives every refusal of a request the shape of its route.
pub(super) async fn shape(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json || !response.status().is_client_error() {
        return response;
    }
    let status = response.status();
    // What is longer than that is nothing that the framework says.
    let said = to_bytes(response.into_body(), MOST).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let reason = status.canonical_reason().unwrap_or_default();
    let detail = if said.is_empty() { reason } else { &*said };
    Refusal::new(status, code::INVALID, format!("access.api.error.invalid_request: {detail}")).to(&path)
}
