//! Why a request is refused, as Cloudflare's API says it, or as our own does.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::config::{Place, Problem, Problems, Severity};
use crate::control::{ChangeError, Kind, WriteError};

/// Tells Cloudflare's SDKs not to try again what ends the same.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Cloudflare's numbers.
pub(super) mod code {
    pub(in crate::api) const AUTHENTICATION: u32 = 10000;
    pub(in crate::api) const NO_ROUTE: u32 = 7003;
    pub(in crate::api) const INVALID: u32 = 12130;
    pub(in crate::api) const CONFLICT: u32 = 12132;
    pub(in crate::api) const NOT_FOUND: u32 = 12135;
    pub(in crate::api) const APPLICATION_EXISTS: u32 = 11010;
    pub(in crate::api) const INTERNAL: u32 = 10013;
    pub(in crate::api) const TOO_MANY: u32 = 10429;
    pub(in crate::api) const TOO_LARGE: u32 = 10413;
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    errors: Vec<Said>,
    /// Whether the same request would end the same.
    is_final: bool,
}

#[derive(Debug)]
struct Said {
    code: u32,
    message: String,
    pointer: Option<String>,
}

impl Refusal {
    /// A refusal for one reason. A conflict is final unless somebody says otherwise: clients try conflicts again.
    pub(super) fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        let said = Said { code, message: message.into(), pointer: None };
        Self { status, errors: vec![said], is_final: status == StatusCode::CONFLICT }
    }

    /// The request says something that cannot be.
    pub(super) fn invalid(detail: impl std::fmt::Display) -> Self {
        let message = format!("access.api.error.invalid_request: {detail}");
        Self::new(StatusCode::BAD_REQUEST, code::INVALID, message)
    }

    /// It would go against something that is there.
    pub(super) fn conflict(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, code::CONFLICT, format!("access.api.error.conflict: {detail}"))
    }

    /// There is nothing with this id.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, code::NOT_FOUND, "access.api.error.not_found")
    }

    /// There is no such route.
    pub(super) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, code::NO_ROUTE, "No route for the URI")
    }

    /// Who asks has no token that counts.
    pub(super) fn unauthenticated() -> Self {
        Self::new(StatusCode::FORBIDDEN, code::AUTHENTICATION, "Authentication error")
    }

    /// Their token is not for this.
    pub(super) fn lacks(area: &str, level: &str) -> Self {
        let message = format!("Authentication error: this needs a token with {area}:{level}");
        Self::new(StatusCode::FORBIDDEN, code::AUTHENTICATION, message)
    }

    /// They ask too often.
    pub(super) fn too_many() -> Self {
        let message = "too many requests; wait a second, or raise admin.rate or admin.failures";
        Self::new(StatusCode::TOO_MANY_REQUESTS, code::TOO_MANY, message)
    }

    /// A successor is reading what would be changed.
    pub(super) fn taking_over() -> Self {
        let message = ChangeError::TakingOver.to_string();
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code::INTERNAL, message)
    }

    /// A change was refused, of something of this kind.
    pub(super) fn of(error: &ChangeError, kind: Kind) -> Self {
        match error {
            ChangeError::Invalid(problems) => Self::of_problems(problems, kind),
            ChangeError::ReadOnly { .. } => Self::conflict(error),
            ChangeError::Conflict(WriteError::Conflict { found: None, .. }) => Self::not_found(),
            ChangeError::Conflict(_) => Self { is_final: false, ..Self::conflict(error) },
            ChangeError::Store(error) => {
                let status = StatusCode::INSUFFICIENT_STORAGE;
                Self { is_final: true, ..Self::new(status, code::INTERNAL, error.to_string()) }
            }
            ChangeError::TakingOver => Self::taking_over(),
        }
    }

    fn of_problems(problems: &Problems, kind: Kind) -> Self {
        let wrong = || problems.iter().filter(|problem| problem.severity() == Severity::Error);
        let is_taken = wrong().all(Problem::is_taken) && wrong().next().is_some();
        let (status, code, prefix) = match (is_taken, kind) {
            (true, Kind::Application) => (
                StatusCode::CONFLICT,
                code::APPLICATION_EXISTS,
                "access.api.error.application_already_exists",
            ),
            (true, _) => (StatusCode::CONFLICT, code::CONFLICT, "access.api.error.conflict"),
            (false, _) => (StatusCode::BAD_REQUEST, code::INVALID, "access.api.error.invalid_request"),
        };
        let said = |problem: &Problem| {
            let pointer = match problems.place(problem) {
                Place::Stored(place) if place.kind == kind => Some(place.pointer),
                Place::Stored(_) | Place::File { .. } | Place::Nowhere => None,
            };
            let mend = problem.how_to_mend().map(|mend| format!("; {mend}")).unwrap_or_default();
            Said { code, message: format!("{prefix}: {}{mend}", problem.message()), pointer }
        };
        let errors = wrong().map(said).collect();
        Self { status, errors, is_final: status == StatusCode::CONFLICT }
    }

    /// The response to a request for `path`: our own routes have their own shape.
    pub(super) fn to(self, path: &str) -> Response {
        if !path.starts_with("/fleetgate/") {
            return self.into_response();
        }
        let problems: Vec<_> = self.errors.into_iter().map(|error| error.message).collect();
        let mut response = (self.status, Json(json!({ "problems": problems }))).into_response();
        wait(&mut response);
        response
    }
}

impl From<Said> for Value {
    fn from(Said { code, message, pointer }: Said) -> Self {
        match pointer.filter(|pointer| !pointer.is_empty()) {
            None => json!({ "code": code, "message": message }),
            Some(pointer) => json!({ "code": code, "message": message, "source": { "pointer": pointer } }),
        }
    }
}

/// Whoever asks too often, or too early, hears when to come back.
fn wait(response: &mut Response) {
    if [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&response.status()) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let errors: Vec<Value> = self.errors.into_iter().map(Value::from).collect();
        let body = json!({ "success": false, "errors": errors, "messages": [], "result": null });
        let mut response = (self.status, Json(body)).into_response();
        if self.is_final {
            response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        wait(&mut response);
        response
    }
}
