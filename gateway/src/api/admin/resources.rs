//! `/fleetgate/v1/resources`: what is kept, as it is kept. GET lists it without secrets, POST changes several at once.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{blocking, refused};
use crate::control::{
    ChangeError, Committed, Control, Expect, Kind, Origin, RecordId, Request, Resource, Revision, Write,
};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/fleetgate/v1/resources", get(list_all).post(change))
        .route("/fleetgate/v1/resources/{kind}", get(list))
        .route("/fleetgate/v1/resources/{kind}/{id}", get(one))
}

async fn list_all(State(control): State<Arc<Control>>) -> Response {
    blocking(move || {
        let inventory = control.resources();
        let all = Kind::ALL.into_iter().flat_map(|kind| inventory.list(kind));
        let resources: Vec<_> = all.map(|resource| describe(&resource)).collect();
        Json(json!({ "revision": inventory.revision(), "resources": resources })).into_response()
    })
    .await
}

async fn list(State(control): State<Arc<Control>>, Path(kind): Path<String>) -> Response {
    let kind: Kind = match kind.parse() {
        Ok(kind) => kind,
        Err(error) => return refused(StatusCode::NOT_FOUND, &error),
    };
    blocking(move || {
        let inventory = control.resources();
        let resources: Vec<_> = inventory.list(kind).map(|resource| describe(&resource)).collect();
        Json(json!({ "revision": inventory.revision(), "resources": resources })).into_response()
    })
    .await
}

async fn one(State(control): State<Arc<Control>>, Path((kind, id)): Path<(String, String)>) -> Response {
    let inventory = control.resources();
    let found = kind.parse::<Kind>().map(|kind| inventory.get(kind, &id));
    match found {
        Ok(Some(resource)) => Json(describe(&resource)).into_response(),
        Ok(None) => refused(StatusCode::NOT_FOUND, &format_args!("there is no {kind} `{id}`")),
        Err(error) => refused(StatusCode::NOT_FOUND, &error),
    }
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    writes: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    kind: String,
    id: String,
    /// What has to be there: a revision, `"absent"` or `"present"`; nothing is anything.
    #[serde(default)]
    expect: Option<Value>,
    /// Nothing, or null, removes it.
    #[serde(default)]
    document: Option<Value>,
}

impl Change {
    fn read(self) -> Result<Write, String> {
        let kind = self.kind.parse().map_err(|error: crate::control::NotAKind| error.to_string())?;
        let id: RecordId = self.id.parse().map_err(|error| format!("`{}`: {error}", self.id))?;
        let expect = match &self.expect {
            None => Expect::Any,
            Some(Value::String(word)) if word == "absent" => Expect::Absent,
            Some(Value::String(word)) if word == "present" => Expect::Present,
            Some(Value::Number(revision)) if revision.is_u64() => {
                Expect::At(Revision(revision.as_u64().unwrap_or_default()))
            }
            Some(other) => return Err(format!("`expect` is {other}; a revision, \"absent\" or \"present\"")),
        };
        Ok(Write { kind, id, expect, document: self.document.map(Arc::new) })
    }
}

/// 200; 400 where it would not load, 409 where something is not as expected or the file's, 507 where it cannot be kept.
async fn change(State(control): State<Arc<Control>>, body: Bytes) -> Response {
    let parsed = serde_json::from_slice(&body).map_err(|error| error.to_string());
    let writes = parsed.and_then(|changes: Changes| changes.writes.into_iter().map(Change::read).collect());
    let writes = match writes {
        Ok(writes) => writes,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error),
    };
    blocking(move || match control.change(&Request { who: "admin socket".to_owned(), writes }) {
        Ok(Committed { revision, generation, warnings, .. }) => Json(json!({
            "revision": revision, "generation": generation, "warnings": warnings
        }))
        .into_response(),
        Err(error) => refusal(&error),
    })
    .await
}

/// Why nothing was changed.
pub(super) fn refusal(error: &ChangeError) -> Response {
    match error {
        ChangeError::Invalid(problems) => {
            (StatusCode::BAD_REQUEST, Json(json!({ "problems": problems.lines() }))).into_response()
        }
        ChangeError::Conflict(_) | ChangeError::ReadOnly { .. } => refused(StatusCode::CONFLICT, error),
        ChangeError::Store(_) => refused(StatusCode::INSUFFICIENT_STORAGE, error),
        ChangeError::TakingOver => refused(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

fn describe(resource: &Resource<'_>) -> Value {
    let mut document = Value::clone(resource.document);
    if let (Some(secret), Some(fields)) = (resource.kind.secret(), document.as_object_mut()) {
        fields.remove(secret);
    }
    let origin = match resource.origin {
        Origin::File { place } => json!({ "file": place }),
        Origin::Stored { revision, created_at, updated_at } => {
            json!({ "revision": revision, "created_at": created_at, "updated_at": updated_at })
        }
    };
    json!({ "kind": resource.kind.as_str(), "id": resource.id.as_str(), "origin": origin, "document": document })
}
