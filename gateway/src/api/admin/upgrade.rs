//! `/fleetgate/v1/upgrade`, and what it keeps waiting.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};

use super::reply::{blocking, refused};
use crate::control::Control;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/fleetgate/v1/upgrade", post(upgrade))
}

/// 200 once the new gateway serves; 409 where it does not, and the old one does.
async fn upgrade(State(control): State<Arc<Control>>) -> Response {
    blocking(move || match control.upgrade() {
        Ok(upgraded) => Json(upgraded).into_response(),
        Err(error) => {
            tracing::error!(%error, "no upgrade; the old gateway keeps serving");
            refused(StatusCode::CONFLICT, &error)
        }
    })
    .await
}

/// 503 to whatever would change something that a successor is reading, or has read.
pub(super) async fn hold_back(State(control): State<Arc<Control>>, request: Request, next: Next) -> Response {
    if request.method() == Method::GET {
        return next.run(request).await;
    }
    match control.changing() {
        Some(changing) => {
            let response = next.run(request).await;
            drop(changing);
            response
        }
        None => {
            refused(StatusCode::SERVICE_UNAVAILABLE, &"another gateway is taking over; try again in a moment")
        }
    }
}
