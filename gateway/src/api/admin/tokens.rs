//! `/fleetgate/v1/access`: the keys of application tokens, and revocation.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::reply::{blocking, refused};
use crate::control::Control;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/fleetgate/v1/access/keys", get(keys))
        .route("/fleetgate/v1/access/keys/rotate", post(rotate))
        .route("/fleetgate/v1/access/revoke", post(revoke))
}

async fn keys(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(control.token_keys()).into_response()).await
}

/// 500 where there is no new key, or it could not be kept: the one before signs on.
async fn rotate(State(control): State<Arc<Control>>) -> Response {
    blocking(move || match control.rotate_token_keys() {
        Ok(keys) => Json(keys).into_response(),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error),
    })
    .await
}

/// Whose tokens are to be revoked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    aud: String,
}

/// 200; or 500 where it is in force and could not be kept.
async fn revoke(State(control): State<Arc<Control>>, body: Bytes) -> Response {
    let Application { aud } = match serde_json::from_slice(&body) {
        Ok(application) => application,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error),
    };
    blocking(move || match control.revoke_tokens(&aud) {
        Ok(change) if change.failed => (StatusCode::INTERNAL_SERVER_ERROR, Json(change)).into_response(),
        Ok(change) => Json(change).into_response(),
        Err(error) => refused(StatusCode::BAD_REQUEST, &error),
    })
    .await
}
