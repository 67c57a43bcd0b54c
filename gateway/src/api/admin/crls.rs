//! `/fleetgate/v1/crls`: the CAs with the sources of their CRLs. PUT pushes CRLs for a CA, as DER, PEM or base64, and DELETE
//! takes them back.

use std::error::Error;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use http_body_util::LengthLimitError;
use tokio::sync::Semaphore;

use super::reply::{blocking, refused};
use crate::control::{Control, PushError};

/// One body at a time: each may be large.
static READING: Semaphore = Semaphore::const_new(1);

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/fleetgate/v1/crls", get(list))
        .route("/fleetgate/v1/crls/{certificate}", put(push).delete(remove).post(reload))
        .route("/fleetgate/v1/crls/{certificate}/newest", delete(forget))
}

async fn list(State(control): State<Arc<Control>>) -> Response {
    blocking(move || Json(control.crls()).into_response()).await
}

/// `POST …/reload`: an mTLS certificate may have that name, too.
async fn reload(State(control): State<Arc<Control>>, Path(verb): Path<String>) -> Response {
    if verb != "reload" {
        return refused(StatusCode::NOT_FOUND, &"there is only crls/reload to POST to; PUT pushes a CRL");
    }
    blocking(move || Json(control.crls_now()).into_response()).await
}

/// 200; or 500 where they are in force and could not be kept.
async fn push(State(control): State<Arc<Control>>, Path(name): Path<String>, body: Body) -> Response {
    let (most, patience) = control.crl_bounds();
    let body = match tokio::time::timeout(patience, read(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal,
        Err(_) => {
            let problem = "the CRL did not arrive within crl.timeout; try again, or raise it";
            return refused(StatusCode::REQUEST_TIMEOUT, &problem);
        }
    };
    blocking(move || match control.push_crls(&name, &body) {
        Ok(pushed) if pushed.failed => (StatusCode::INTERNAL_SERVER_ERROR, Json(pushed)).into_response(),
        Ok(pushed) => Json(pushed).into_response(),
        Err(error) => refusal(&error),
    })
    .await
}

async fn remove(State(control): State<Arc<Control>>, Path(name): Path<String>) -> Response {
    blocking(move || match control.remove_crls(&name) {
        Ok(removed) if removed.failed => (StatusCode::INTERNAL_SERVER_ERROR, Json(removed)).into_response(),
        Ok(removed) => Json(removed).into_response(),
        Err(error) => refusal(&error),
    })
    .await
}

async fn forget(State(control): State<Arc<Control>>, Path(name): Path<String>) -> Response {
    blocking(move || match control.forget_newest_crls(&name) {
        Ok(status) => Json([status]).into_response(),
        Err(error) => refusal(&error),
    })
    .await
}

/// A body of at most `most` octets. What says that it is longer is not asked for, and what is longer is not read to its end.
async fn read(body: Body, most: usize) -> Result<Bytes, Response> {
    let too_large = || {
        let problem = format!(
            "it has more than the {most} octets of crl.max_size; raise that, or have the CA split its CRL"
        );
        refused(StatusCode::PAYLOAD_TOO_LARGE, &problem)
    };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    // It is never closed.
    let _one = READING.acquire().await;
    to_bytes(body, most).await.map_err(|error| {
        if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) {
            return too_large();
        }
        refused(StatusCode::BAD_REQUEST, &error)
    })
}

fn refusal(error: &PushError) -> Response {
    let status = match error {
        PushError::Expired { .. } | PushError::NotLoaded { .. } => StatusCode::BAD_REQUEST,
        PushError::Overtaken(_) => StatusCode::CONFLICT,
        PushError::Unknown { .. } => StatusCode::NOT_FOUND,
    };
    refused(status, error)
}
