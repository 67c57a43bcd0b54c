//! `/fleetgate/v1/denied`: local denials. POST denies and DELETE pardons, each with a JSON body that says what.

use std::fmt::Display;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::reply::{blocking, refused};
use crate::control::{Control, DeniedChange, Selector};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/fleetgate/v1/denied", get(list).post(deny).delete(undeny))
}

async fn list(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(control.denied()).into_response()).await
}

async fn deny(State(control): State<Arc<Control>>, body: Bytes) -> Response {
    change(body, move |selector| control.deny(selector)).await
}

async fn undeny(State(control): State<Arc<Control>>, body: Bytes) -> Response {
    change(body, move |selector| control.undeny(selector)).await
}

/// 200; or 500 where it is in force and could not be kept.
async fn change<E: Display>(
    body: Bytes,
    change: impl FnOnce(&Selector) -> Result<DeniedChange, E> + Send + 'static,
) -> Response {
    let selector: Selector = match serde_json::from_slice(&body) {
        Ok(selector) => selector,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error),
    };
    blocking(move || match change(&selector) {
        Ok(change) if change.failed => (StatusCode::INTERNAL_SERVER_ERROR, Json(change)).into_response(),
        Ok(change) => Json(change).into_response(),
        Err(error) => refused(StatusCode::BAD_REQUEST, &error),
    })
    .await
}
