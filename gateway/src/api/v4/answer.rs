//! What went well, in Cloudflare's envelope.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The number of messages that are only to be known.
const NOTE: u32 = 1000;

/// A result and what goes with it.
#[derive(Debug)]
pub(in crate::api) struct Answer {
    status: StatusCode,
    result: Value,
    info: Option<Value>,
    messages: Vec<Value>,
}

impl Answer {
    /// A result.
    pub(in crate::api) fn ok(result: Value) -> Self {
        Self { status: StatusCode::OK, result, info: None, messages: Vec::new() }
    }

    /// A result with another status.
    pub(in crate::api) fn with(status: StatusCode, result: Value) -> Self {
        Self { status, ..Self::ok(result) }
    }

    /// A part of a list, and which.
    pub(in crate::api) fn list(result: Vec<Value>, info: Value) -> Self {
        Self { info: Some(info), ..Self::ok(Value::Array(result)) }
    }

    /// The same, with something to be known.
    #[must_use]
    pub(in crate::api) fn note(mut self, code: Option<u32>, message: &str) -> Self {
        self.messages.push(json!({ "code": code.unwrap_or(NOTE), "message": message }));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Self { status, result, info, messages } = self;
        if status == StatusCode::NO_CONTENT {
            return status.into_response();
        }
        let errors: [Value; 0] = [];
        let body = match info {
            None => json!({ "success": true, "errors": errors, "messages": messages, "result": result }),
            Some(info) => json!({
                "success": true, "errors": errors, "messages": messages, "result": result, "result_info": info,
            }),
        };
        (status, Json(body)).into_response()
    }
}
