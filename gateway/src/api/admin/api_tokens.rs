//! `/fleetgate/v1/api-tokens`: the tokens of the API. POST issues one, and tells it once; DELETE revokes one.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::reply::{blocking, refused};
use super::resources::refusal;
use crate::api::auth::{self, Caller, Scopes};
use crate::control::{Control, Kind, RecordId, Request, Write};

/// Tokens at most.
const MOST: usize = 1000;

/// Characters of a name at most: it is in each line of the audit log.
const LONGEST_NAME: usize = 100;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/fleetgate/v1/api-tokens", get(list).post(create))
        .route("/fleetgate/v1/api-tokens/{id}", delete(revoke))
}

async fn list(State(control): State<Arc<Control>>) -> Response {
    let inventory = control.resources();
    let tokens: Vec<_> = inventory.list(Kind::AdminToken).map(|token| auth::view(&token)).collect();
    Json(json!({ "tokens": tokens })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    /// Everything, unless somebody says what.
    #[serde(default)]
    scopes: Option<Vec<String>>,
    /// Seconds since the epoch.
    #[serde(default)]
    expires_at: Option<u64>,
}

/// 200 with the token; 400 for what is no name or scope; as a change of resources otherwise.
async fn create(
    State(control): State<Arc<Control>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let wanted: Wanted = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error),
    };
    let scopes = match wanted.scopes.as_deref().map(Scopes::parse) {
        None => Scopes::all(),
        Some(Ok(scopes)) => scopes,
        Some(Err(error)) => return refused(StatusCode::BAD_REQUEST, &error),
    };
    if wanted.name.is_empty() || wanted.name.chars().count() > LONGEST_NAME {
        return refused(StatusCode::BAD_REQUEST, &format_args!("`name` has 1 to {LONGEST_NAME} characters"));
    }
    blocking(move || {
        if control.resources().list(Kind::AdminToken).count() >= MOST {
            return refused(StatusCode::BAD_REQUEST, &format_args!("there are {MOST} tokens; revoke some"));
        }
        match auth::issue(&control, &caller.who, &wanted.name, &scopes, wanted.expires_at) {
            Ok(issued) => Json(json!({
                "id": issued.id, "name": wanted.name, "scopes": scopes.words(),
                "expires_at": wanted.expires_at, "token": issued.text,
            }))
            .into_response(),
            Err(error) => refusal(&error),
        }
    })
    .await
}

/// 200; 404 where there is none.
async fn revoke(
    State(control): State<Arc<Control>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let known = control.resources().get(Kind::AdminToken, &id).is_some();
    let Some(record) = id.parse::<RecordId>().ok().filter(|_| known) else {
        return refused(StatusCode::NOT_FOUND, &format_args!("there is no API token `{id}`"));
    };
    blocking(move || {
        let writes = vec![Write::delete(Kind::AdminToken, record)];
        match control.change(&Request { who: caller.who.to_string(), writes }) {
            Ok(_) => Json(json!({ "revoked": id })).into_response(),
            Err(error) => refusal(&error),
        }
    })
    .await
}
