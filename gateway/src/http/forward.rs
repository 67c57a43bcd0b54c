//! One request: is it for this host, may it pass, and what does the origin say?

use std::time::Instant;

use http::header;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};

use super::audit::Audit;
use super::bounds::Bounds;
use super::connection::{Connection, Context};
use super::headers::{self, Added};
use super::identity_headers::IdentityHeaders;
use super::own;
use super::refused::Refused;
use super::request_body::{Guard, RequestBody};
use super::requested_host::requested_host;
use super::upgrade::Upgrade;
use crate::access::{Permit, cors, page};
use crate::connection::{Asked, State, peer};
use crate::device::refusal::now;
use crate::limit::Direction;
use crate::origin::PooledBody;
use crate::telemetry::access_log::{self, Clipped, Line};
use crate::telemetry::metrics::OTHER;
use crate::telemetry::ray_id;

/// What goes back to the device: our page, or the origin's body.
pub(super) type ResponseBody = Either<Full<Bytes>, PooledBody<RequestBody>>;

/// Answers a request, the connection's with this number, counts it and logs it.
pub(super) async fn answer(
    context: &Context,
    connection: &Connection,
    number: u64,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let (begun, ray_id) = (Instant::now(), ray_id());
    let state = connection.state(context.in_force());
    let reader = page::Reader::of(request.headers());
    let line = context
        .access_log
        .has_requests()
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    let is_first = !connection.was_permitted();
    let result = match &state {
        None => Err(Refused::Misdirected),
        Some(state) if connection.meets_ban(context, state) => Err(Refused::Banned),
        Some(state) => pass(context, connection, state, (number, &ray_id), request).await,
    };
    let (response, permit, denial) = match result {
        Ok((permit, response)) => (response, Some(permit), None),
        Err(refused) => {
            let mut page = refused.page(connection.name.as_str(), &ray_id, reader);
            if let Refused::Limited(_, exceeded) = &refused {
                exceeded.put(page.headers_mut());
            }
            (page.map(Either::Left), None, Some(refused))
        }
    };
    if let (Some(refused), Some(state)) = (&denial, &state)
        && refused.is_evidence()
    {
        connection.refused(context, state);
    }
    let host = state.as_ref().map_or(OTHER, |state| &state.host.label);
    let duration = begun.elapsed().as_secs_f64();
    context.metrics.requests.with_label_values(&[host, status_class(response.status())]).inc();
    context.metrics.request_seconds.with_label_values(&[host]).observe(duration);
    if let Some(Refused::Origin(_, error)) = &denial {
        context.metrics.origin_errors.with_label_values(&[host, error.label()]).inc();
        tracing::warn!(host, ray_id, %error, "origin failed");
    }
    let permitted = permit.filter(|permit| is_first && permit.application.is_some());
    if context.access_log.has_decisions()
        && let Some(state) = &state
    {
        let audit = Audit { host, ray_id: &ray_id, peer: peer(connection.source, &state.device) };
        match (&denial, permitted) {
            (Some(Refused::Denied(denial)), _) => audit.denied(context, denial),
            (_, Some(permit)) => audit.permitted(context, &permit),
            (_, None) => {}
        }
    }
    if let Some((method, path)) = line {
        let (permit, denied_by) = match &denial {
            Some(
                Refused::Body(permit, _)
                | Refused::Limited(permit, _)
                | Refused::NoToken(permit)
                | Refused::Origin(permit, _),
            ) => (Some(*permit), None),
            Some(Refused::Denied(denial)) => (permit, denial.policy_name()),
            Some(Refused::BadHost | Refused::Misdirected | Refused::Banned) | None => (permit, None),
        };
        let device = state.as_ref().map(|state| state.device.clone()).unwrap_or_default();
        context.access_log.write(&Line::Request {
            time: access_log::now() - duration,
            ray_id: &ray_id,
            host,
            method: Clipped(method.as_str()),
            path: Clipped(&path),
            status: response.status().as_u16(),
            decision: if permit.is_some() { "permit" } else { "deny" },
            reason: denial.as_ref().map(Refused::label),
            policy: permit.and_then(|permit| permit.policy_name()).or(denied_by),
            duration,
            peer: peer(connection.source, &device),
        });
    }
    response
}

async fn pass<'a>(
    context: &Context,
    connection: &Connection,
    state: &'a State,
    (number, ray_id): (u64, &str),
    mut request: Request<Incoming>,
) -> Result<(Permit<'a>, Response<ResponseBody>), Refused<'a>> {
    match requested_host(&request) {
        None => return Err(Refused::BadHost),
        Some(name) if name != connection.name => return Err(Refused::Misdirected),
        Some(_) => {}
    }
    if let Some(response) = own::answer(context, connection, state, &request) {
        return Ok((Permit { application: None, policy: None }, response.map(Either::Left)));
    }
    let decision = connection.authorize(&context.metrics, state, Asked::of(&request), number);
    let permit = decision.map_err(Refused::Denied)?;
    if let Some(cors) = permit.preflight_answer() {
        return Ok((permit, cors::answer(cors, request.headers()).map(Either::Left)));
    }
    let share = connection.take_request(&context.devices, state);
    share.map_err(|exceeded| Refused::Limited(permit, exceeded))?;
    let bounds = Bounds::of(context, state, &request).map_err(|fault| Refused::Body(permit, fault))?;
    let token = match state.host.sessions.of(&permit) {
        None => None,
        Some(audience) => {
            let issued = context.tokens.issue(&connection.subject(state), audience, now()).await;
            Some(issued.map_err(|_| Refused::NoToken(permit))?)
        }
    };
    let new = token.clone().filter(|token| connection.offers(token, request.headers()));
    let identity = connection.told(state);
    let assertion = token.as_ref().map(|token| &token.assertion);
    let rules = &state.host.forwarding;
    let is_first = !connection.is_introduced();
    let added = Added { identity: &identity, is_first, rules, hop: &connection.hop, assertion };
    let guard = Guard {
        pace: connection.pace(Direction::Received),
        bounds: bounds.clone(),
        reading: connection.bodies.reading(),
    };
    let upgrade = Upgrade::wanted(&mut request, &state.host.upgrades);
    let mut request = prepare(&added, guard, request).ok_or(Refused::BadHost)?;
    if let Some(upgrade) = &upgrade {
        upgrade.ask(request.headers_mut());
    }
    let device = state.device.verified().map(|verified| &verified.identity.fingerprint.0);
    match context.pool.send(&state.host.origins, device, request).await {
        Ok(mut response) => {
            connection.introduced();
            headers::strip_hop_by_hop(response.headers_mut());
            IdentityHeaders::put(&identity.response, response.headers_mut());
            if let Some(token) = new {
                response.headers_mut().append(header::SET_COOKIE, token.set_cookie.clone());
            }
            // The version is each hop's own (RFC 9110, 2.5): an HTTP/1.0 origin does not make us one.
            *response.version_mut() = http::Version::HTTP_11;
            let response = match upgrade {
                Some(upgrade) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    upgrade.switch(connection, state, ray_id, response)
                }
                _ => response.map(Either::Right),
            };
            Ok((permit, response))
        }
        Err(error) => Err(match bounds.and_then(|bounds| bounds.fault()) {
            Some(fault) => Refused::Body(permit, fault),
            None => Refused::Origin(permit, error),
        }),
    }
}

/// The request as the origin is to see it: origin-form target, our headers. `None` when it has no path, as CONNECT, or has
/// the asterisk of another method than OPTIONS (RFC 9112, 3.2.4).
fn prepare(added: &Added<'_>, guard: Guard, request: Request<Incoming>) -> Option<Request<RequestBody>> {
    let mut request = request.map(|body| RequestBody::new(body, &added.rules.headers, guard));
    let target = request.uri().path_and_query()?.clone();
    if !target.path().starts_with('/') && request.method() != Method::OPTIONS {
        return None;
    }
    *request.uri_mut() = Uri::from(target);
    *request.version_mut() = http::Version::HTTP_11;
    headers::to_origin(request.headers_mut(), added);
    request.headers_mut().entry(header::HOST).or_insert_with(|| added.hop.host.clone());
    Some(request)
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_counts_in_its_class() {
        let class = |code| status_class(StatusCode::from_u16(code).unwrap());
        assert_eq!([101, 200, 304, 421, 502, 799].map(class), ["1xx", "2xx", "3xx", "4xx", "5xx", "5xx"]);
    }
}
