//! The account and the zone: there is one of each, and both have everything.

use std::sync::Arc;

use axum::extract::{RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{Refusal, code};
use crate::control::Control;

/// Below what a route is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    /// `/accounts/{account_id}`
    Account,
    /// `/zones/{zone_id}`
    Zone,
}

/// Lets only requests through for the account and the zone that there are.
pub(super) async fn check(
    State((control, scope)): State<(Arc<Control>, Scope)>,
    parameters: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let identity = control.identity();
    let (name, noun, ours) = match scope {
        Scope::Account => ("account_id", "accounts", identity.account_id),
        Scope::Zone => ("zone_id", "zones", identity.zone_id),
    };
    let asked = parameters.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    if asked.eq_ignore_ascii_case(&ours) {
        return next.run(request).await;
    }
    let is_id = asked.len() == 32 && asked.bytes().all(|byte| byte.is_ascii_hexdigit());
    let refusal = if is_id {
        Refusal::unauthenticated()
    } else {
        let what = format!("Could not route to /{noun}/{asked}, perhaps your object identifier is invalid?");
        Refusal::new(StatusCode::NOT_FOUND, code::NO_ROUTE, what)
    };
    refusal.into_response()
}
