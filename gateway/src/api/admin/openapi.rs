//! `/fleetgate/v1/openapi.json`: what all of this is, for tools.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;

use crate::control::Control;

/// docs/openapi.json.
const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

pub(super) fn routes() -> Router<Arc<Control>> {
    let document = || async { ([(header::CONTENT_TYPE, "application/json")], DOCUMENT) };
    Router::new().route("/fleetgate/v1/openapi.json", get(document))
}
