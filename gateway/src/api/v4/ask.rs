//! What is asked: by whom, with which query and which body.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Refusal, Result, code, time};
use crate::api::auth::Caller;
use crate::control::Control;

/// How long a body may take to come.
const BODY: Duration = Duration::from_secs(30);

/// The fields of a JSON object.
pub(in crate::api) type Fields = Map<String, Value>;

/// Who asks, and with which query.
#[derive(Clone)]
pub(in crate::api) struct Ask {
    pub(in crate::api) control: Arc<Control>,
    pub(in crate::api) caller: Caller,
    query: HashMap<String, String>,
}

/// A JSON object that was sent; nothing is an empty one.
pub(in crate::api) struct Body(pub(in crate::api) Fields);

impl Ask {
    /// Does work that may wait for a lock or a disk, away from the thread that answers probes.
    pub(in crate::api) async fn run(self, work: impl FnOnce(&Self) -> Result + Send + 'static) -> Result {
        let done = tokio::task::spawn_blocking(move || work(&self)).await;
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "a request to the API was not answered");
            let message = "access.api.error.internal: the gateway's log says more";
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL, message))
        })
    }

    /// A value of the query.
    pub(in crate::api) fn text(&self, key: &str) -> Option<&str> {
        self.query.get(key).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A value of the query that is parsed.
    pub(in crate::api) fn parsed<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>> {
        let wrong = |text: &str| Refusal::invalid(format_args!("`{key}` is `{text}`"));
        self.text(key).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }

    /// A time of the query, as RFC 3339 has it. Milliseconds since the epoch.
    pub(in crate::api) fn moment(&self, key: &str) -> Result<Option<u64>> {
        let read = |text| {
            time::to_milliseconds(text)
                .ok_or_else(|| Refusal::invalid(format_args!("`{key}` is no time as RFC 3339 has it")))
        };
        self.text(key).map(read).transpose()
    }
}

impl FromRequestParts<Arc<Control>> for Ask {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, control: &Arc<Control>) -> Result<Self> {
        let caller = parts.extensions.get().cloned().ok_or_else(Refusal::unauthenticated)?;
        let query = Query::try_from_uri(&parts.uri).map_err(|_| Refusal::invalid("the query is odd"))?;
        Ok(Self { control: Arc::clone(control), caller, query: query.0 })
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let read = tokio::time::timeout(BODY, Bytes::from_request(request, state)).await;
        let bytes = match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return Err(unread(error.status())),
            Err(_) => return Err(unread(StatusCode::REQUEST_TIMEOUT)),
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(Fields::new()));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refusal::invalid("the body is a JSON object")),
            Err(error) => Err(Refusal::invalid(format_args!("the body is not JSON: {error}"))),
        }
    }
}

fn unread(status: StatusCode) -> Refusal {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Refusal::new(status, code::TOO_LARGE, "the body has more octets than admin.max_body")
        }
        _ => Refusal::new(status, code::INVALID, "access.api.error.invalid_request: the body did not arrive"),
    }
}

/// Takes a field out of what was sent, as what it has to be. Null is nothing.
pub(in crate::api) fn take<T: DeserializeOwned>(fields: &mut Fields, key: &str) -> Result<Option<T>> {
    match fields.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value)
            .map(Some)
            .map_err(|error| Refusal::invalid(format_args!("`{key}`: {error}"))),
    }
}

/// The same for a field that must be there.
pub(in crate::api) fn need<T: DeserializeOwned>(fields: &mut Fields, key: &str) -> Result<T> {
    take(fields, key)?.ok_or_else(|| Refusal::invalid(format_args!("`{key}` is missing")))
}
