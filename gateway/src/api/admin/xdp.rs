//! `/fleetgate/v1/xdp` and `/fleetgate/v1/bans`: the XDP side. POST bans and DELETE pardons whom the JSON body says.

use std::fmt::Display;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::reply::{blocking, refused};
use crate::control::{BanRequest, Control};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/fleetgate/v1/xdp", get(overview))
        .route("/fleetgate/v1/bans", get(list).post(ban).delete(unban))
}

async fn overview(State(control): State<Arc<Control>>) -> Response {
    blocking(move || answer(control.xdp())).await
}

async fn list(State(control): State<Arc<Control>>) -> Response {
    blocking(move || answer(control.bans())).await
}

async fn ban(State(control): State<Arc<Control>>, body: Bytes) -> Response {
    change(body, move |request| answer(control.ban(request))).await
}

async fn unban(State(control): State<Arc<Control>>, body: Bytes) -> Response {
    change(body, move |request| answer(control.unban(request))).await
}

async fn change(body: Bytes, change: impl FnOnce(&BanRequest) -> Response + Send + 'static) -> Response {
    match serde_json::from_slice(&body) {
        Ok(request) => blocking(move || change(&request)).await,
        Err(error) => refused(StatusCode::BAD_REQUEST, &error),
    }
}

fn answer<T: Serialize, E: Display>(result: Result<T, E>) -> Response {
    match result {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refused(StatusCode::BAD_REQUEST, &error),
    }
}
