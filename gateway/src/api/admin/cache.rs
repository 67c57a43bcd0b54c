//! `/fleetgate/v1/cache`: the verdict cache.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::json;

use super::reply::{blocking, refused};
use crate::control::Control;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route(
            "/fleetgate/v1/cache",
            get(async |State(control): State<Arc<Control>>| Json(control.cache())).delete(flush),
        )
        .route("/fleetgate/v1/cache/serials", get(serials))
        .route("/fleetgate/v1/cache/{fingerprint}", delete(evict))
}

async fn flush(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(json!({ "evicted": control.flush_cache() })).into_response()).await
}

async fn evict(State(control): State<Arc<Control>>, Path(fingerprint): Path<String>) -> Response {
    blocking(move || match control.evict(&fingerprint) {
        Ok(evicted) => Json(json!({ "evicted": evicted })).into_response(),
        Err(error) => refused(StatusCode::BAD_REQUEST, &error),
    })
    .await
}

async fn serials(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(control.seen()).into_response()).await
}
