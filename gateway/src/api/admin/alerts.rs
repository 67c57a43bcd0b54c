//! `/fleetgate/v1/alerts`: which alerts would be sent when. POST to `/test` sends test messages.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::reply::{blocking, refused};
use crate::control::{Control, TestRequest};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/fleetgate/v1/alerts", get(plan)).route("/fleetgate/v1/alerts/test", post(test))
}

async fn plan(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(control.alert_plan()).into_response()).await
}

async fn test(State(control): State<Arc<Control>>, body: Bytes) -> Response {
    let request: TestRequest = match body.as_ref() {
        b"" => TestRequest::default(),
        body => match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(error) => return refused(StatusCode::BAD_REQUEST, &error),
        },
    };
    match control.test_alerts(&request).await {
        Some(tested) => Json(tested).into_response(),
        None => refused(StatusCode::NOT_FOUND, &"there is no such webhook, and no policy tells that address"),
    }
}
