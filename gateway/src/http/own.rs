//! What the gateway answers itself, before any policy is asked: its well-known paths.

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};

use super::connection::{Connection, Context};
use crate::access::token::Audience;
use crate::access::token::respond::{Visit, WellKnown};
use crate::config::ClientAuth;
use crate::connection::State;
use crate::device::refusal::now;

/// The answer, if it is ours to give.
pub(super) fn answer(
    context: &Context,
    connection: &Connection,
    state: &State,
    request: &Request<Incoming>,
) -> Option<Response<Full<Bytes>>> {
    let host = &state.host;
    let page = WellKnown::of(request.uri().path())?;
    let audiences: Vec<&Audience> = host.sessions.all().collect();
    let country = state.country().map(|country| country.to_string());
    let visit = Visit {
        method: request.method(),
        headers: request.headers(),
        audiences: &audiences,
        asks_for_certificates: host.client_auth != ClientAuth::None,
        device: &state.device,
        source: connection.source.ip(),
        country: country.as_deref(),
        now: now(),
    };
    Some(page.answer(&context.tokens, &visit))
}
