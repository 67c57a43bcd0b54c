//! What the gateway answers itself, before any policy is asked: its well-known paths, and preflight requests where an
//! application says how.

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};

use super::connection::{Asked, Connection, Context, State};
use crate::access::cors;
use crate::access::token::Audience;
use crate::access::token::respond::{Visit, WellKnown};
use crate::config::ClientAuth;
use crate::device::refusal::now;

/// The answer, if it is ours to give.
pub(super) fn answer(
    context: &Context,
    connection: &Connection,
    state: &State,
    request: &Request<Incoming>,
) -> Option<Response<Full<Bytes>>> {
    let host = &state.host;
    if let Some(page) = WellKnown::of(request.uri().path()) {
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
        return Some(page.answer(&context.tokens, &visit));
    }
    let asked = Asked::of(request);
    if !asked.preflight {
        return None;
    }
    let guarded = host.access.find(&connection.name, asked.path).ok().flatten()?;
    let cors = guarded.application.settings.cors_headers.as_ref()?;
    Some(cors::answer(cors, request.headers()))
}
