//! `/fleetgate/v1/state`: everything that is stored. GET exports it, POST puts an export in its place.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::reply::{blocking, refused};
use super::resources::refusal;
use crate::control::{Control, Export, ImportError};

/// Octets of an export at most.
const MOST: usize = 256 << 20;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/fleetgate/v1/state", get(export).post(import)).layer(DefaultBodyLimit::max(MOST))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    secrets: bool,
}

async fn export(State(control): State<Arc<Control>>, Query(wanted): Query<Wanted>) -> Response {
    blocking(move || match control.export(wanted.secrets) {
        Ok(export) => Json(export).into_response(),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error),
    })
    .await
}

/// 200; otherwise as a change of resources.
async fn import(State(control): State<Arc<Control>>, body: Body) -> Response {
    let body = match to_bytes(body, MOST).await {
        Ok(body) => body,
        Err(error) => return refused(StatusCode::PAYLOAD_TOO_LARGE, &error),
    };
    blocking(move || {
        let export: Export = match serde_json::from_slice(&body) {
            Ok(export) => export,
            Err(error) => return refused(StatusCode::BAD_REQUEST, &format_args!("not an export: {error}")),
        };
        match control.import(export) {
            Ok(imported) => Json(imported).into_response(),
            Err(ImportError::Change(error)) => refusal(&error),
            Err(error @ (ImportError::Record { .. } | ImportError::Version(_))) => {
                refused(StatusCode::BAD_REQUEST, &error)
            }
        }
    })
    .await
}
