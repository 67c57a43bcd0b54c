//! `/fleetgate/v1/crls`: the CAs with the sources of their CRLs.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::reply::blocking;
use crate::control::Control;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/fleetgate/v1/crls", get(list)).route("/fleetgate/v1/crls/reload", post(reload))
}

async fn list(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(control.crls()).into_response()).await
}

async fn reload(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(control.crls_now()).into_response()).await
}
