//! `/fleetgate/v1/crls`: the CAs with their CRL files.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::reply::blocking;
use crate::control::Control;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/fleetgate/v1/crls", get(list))
}

async fn list(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(control.crls()).into_response()).await
}
