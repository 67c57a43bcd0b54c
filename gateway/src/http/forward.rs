//! One request: is it for this host, may it pass, and what does the origin say?

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderMap};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};

use super::audit::Audit;
use super::bounds::{Bounds, Fault};
use super::connection::{Connection, Context};
use super::denied;
use super::headers::{self, Added};
use super::identity_headers::IdentityHeaders;
use super::own;
use super::request_body::{Guard, RequestBody};
use super::seating::Exceeded;
use super::upgrade::Upgrade;
use crate::access::{Denial, Permit, cors, page};
use crate::connection::{Asked, State, peer};
use crate::device::refusal::now;
use crate::limit::Direction;
use crate::model::hostname::Hostname;
use crate::origin::{OriginError, PooledBody};
use crate::telemetry::access_log::{Clipped, Line};
use crate::telemetry::metrics::OTHER;
use crate::telemetry::ray_id;

/// What goes back to the device: our page, or the origin's body.
pub(super) type ResponseBody = Either<Full<Bytes>, PooledBody<RequestBody>>;

/// Why a request was not answered by its origin.
enum Refused<'a> {
    /// No usable Host header.
    BadHost,
    /// The Host is not the name that the connection was made for (RFC 9110, 7.4), or is no longer served to it.
    Misdirected,
    /// Access said no.
    Denied(Denial<'a>),
    /// Access said yes, and the device has had its share.
    Limited(Permit<'a>, Exceeded),
    /// Access said yes, and the request's body is not as it has to be.
    Body(Permit<'a>, Fault),
    /// Access said yes, and the token that goes with it could not be signed.
    NoToken(Permit<'a>),
    /// The origin did not answer.
    Origin(Permit<'a>, OriginError),
}

impl Refused<'_> {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadHost => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Denied(denial) => denied::status(denial),
            Self::Limited(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::Body(_, fault) => fault.status(),
            Self::NoToken(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Origin(_, error) => error.status(),
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::BadHost => "The request names no host, or not a valid one.",
            Self::Misdirected => "This connection was made for another host.",
            Self::Denied(denial) => denied::message(denial),
            Self::Limited(_, exceeded) => exceeded.message(),
            Self::Body(_, fault) => fault.message(),
            Self::NoToken(_) => "The gateway cannot vouch for you right now. Please try again later.",
            Self::Origin(..) => {
                "The application behind this gateway cannot be reached. Please try again later."
            }
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::BadHost => "bad_host",
            Self::Misdirected => "misdirected",
            Self::Denied(denial) => denial.reason.label(),
            Self::Limited(_, exceeded) => exceeded.label(),
            Self::Body(_, fault) => fault.label(),
            Self::NoToken(_) => "token_not_signed",
            Self::Origin(_, error) => error.label(),
        }
    }

    /// What the client gets to see. `host` is the name that was asked for.
    fn page(&self, host: &str, ray_id: &str, reader: page::Reader) -> Response<Full<Bytes>> {
        let (status, message) = (self.status(), self.message());
        let refusal = page::Refusal { status, message, ray_id, application: None, instead: None };
        let Self::Denied(Denial { application: Some(application), .. }) = self else {
            return page::respond(&refusal, reader);
        };
        let (aud, instead) = (application.aud.to_string(), self.denial().and_then(denied::elsewhere));
        let named = Some(page::Named { aud: &aud, domain: host });
        page::respond(&page::Refusal { application: named, instead: instead.as_ref(), ..refusal }, reader)
    }

    fn denial(&self) -> Option<&Denial<'_>> {
        if let Self::Denied(denial) = self { Some(denial) } else { None }
    }
}

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
        Some(state) => pass(context, connection, state, (number, &ray_id), is_first, request).await,
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
            Some(Refused::BadHost | Refused::Misdirected) | None => (permit, None),
        };
        let device = state.as_ref().map(|state| state.device.clone()).unwrap_or_default();
        context.access_log.write(&Line::Request {
            time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
                - duration,
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
    is_first: bool,
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

/// The host that a request is for: the authority of its target, else its one Host header; where there are both, they
/// must agree (RFC 9112, 3.2).
fn requested_host<B>(request: &Request<B>) -> Option<Hostname> {
    let header = host_header(request.headers()).ok()?;
    let target = match request.uri().authority() {
        // A name and password in it are for nobody (RFC 9113, 8.3.1).
        Some(authority) if authority.as_str().contains('@') => return None,
        Some(authority) => Some(Hostname::from_wire(authority.host()).ok()?),
        None => None,
    };
    match (target, header) {
        (Some(target), Some(header)) if target != header => None,
        (target, header) => target.or(header),
    }
}

fn host_header(headers: &HeaderMap) -> Result<Option<Hostname>, ()> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(()),
        (Some(host), None) => {
            let text = host.to_str().map_err(|_| ())?;
            let (name, port) = text.split_once(':').unwrap_or((text, "443"));
            if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(());
            }
            Hostname::from_wire(name).map(Some).map_err(|_| ())
        }
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
    use crate::origin::DialError;

    fn request(uri: &str, hosts: &[&str]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).unwrap()
    }

    fn host(uri: &str, hosts: &[&str]) -> Option<String> {
        requested_host(&request(uri, hosts)).map(|name| name.to_string())
    }

    #[test]
    fn case_dot_and_port_of_the_host_do_not_count() {
        let expected = Some("iot.example.com".to_owned());
        for text in ["iot.example.com", "IOT.example.com:8443", "iot.example.com.", "iot.example.com.:443"] {
            assert_eq!(host("/", &[text]), expected, "{text}");
        }
        assert_eq!(host("https://IoT.example.com/x", &["iot.example.com"]), expected);
    }

    #[test]
    fn an_ambiguous_or_damaged_host_is_no_host() {
        let cases: [(&str, &[&str]); 7] = [
            ("/", &[]),
            ("/", &["a.example", "b.example"]),
            ("/", &["a.example", "a.example"]),
            ("/", &[""]),
            ("/", &["a.example:x"]),
            ("/", &["a.example:"]),
            ("https://a.example/", &["b.example"]),
        ];
        for (uri, hosts) in cases {
            assert_eq!(host(uri, hosts), None, "{uri} {hosts:?}");
        }
    }

    #[test]
    fn what_no_certificate_can_name_is_no_host() {
        for text in [
            "192.0.2.1",
            "[::1]",
            "[::1]:443",
            "under_score.example",
            "a example",
            "a.example:443:443",
            "*.example.com",
            "a.example/x",
        ] {
            assert_eq!(host("/", &[text]), None, "{text}");
        }
        assert_eq!(host("https://192.0.2.1/", &[]), None);
    }

    #[test]
    fn the_target_counts_where_it_names_the_host() {
        assert_eq!(host("https://a.example:8443/x", &[]), Some("a.example".into()));
        assert_eq!(host("https://b.example/", &["a.example"]), None);
        assert_eq!(host("https://user@a.example/", &[]), None);
        assert_eq!(
            host("https://a.example/", &["a.example:x"]),
            None,
            "a damaged header is not excused by it"
        );
    }

    #[test]
    fn every_refusal_has_the_status_that_says_whose_fault_it_is() {
        let origin: crate::model::origin::OriginUrl = "http://127.0.0.1:1".parse().unwrap();
        let permit = Permit { application: None, policy: None };
        let denial =
            Denial { application: None, policy: None, reason: crate::access::Reason::DeniedByPolicy };
        let error = std::io::ErrorKind::ConnectionRefused.into();
        let connect = DialError::Connect { origin: origin.clone(), error }.into();
        let late = DialError::Timeout(origin.clone()).into();
        let cases = [
            (Refused::BadHost, 400, "bad_host"),
            (Refused::Misdirected, 421, "misdirected"),
            (Refused::Denied(denial), 403, "denied_by_policy"),
            (Refused::Limited(permit, Exceeded::Connections), 429, "limit_connections"),
            (Refused::Limited(permit, Exceeded::Requests { seconds: 1 }), 429, "limit_requests"),
            (Refused::Body(permit, Fault::Idle), 408, "request_body_timeout"),
            (Refused::Body(permit, Fault::TooLarge), 413, "request_body_too_large"),
            (Refused::Origin(permit, connect), 502, "origin_connect"),
            (Refused::Origin(permit, late), 504, "origin_connect_timeout"),
            (Refused::Origin(permit, OriginError::ResponseTimeout(origin)), 504, "origin_response_timeout"),
        ];
        for (refused, status, label) in cases {
            assert_eq!((refused.status().as_u16(), refused.label()), (status, label));
            assert!(
                !refused.message().contains("127.0.0.1"),
                "an origin is nobody's business: {}",
                refused.message()
            );
        }
    }

    #[test]
    fn a_status_counts_in_its_class() {
        let class = |code| status_class(StatusCode::from_u16(code).unwrap());
        assert_eq!([101, 200, 304, 421, 502, 799].map(class), ["1xx", "2xx", "3xx", "4xx", "5xx", "5xx"]);
    }
}
