//! Requests that switch their connection to another protocol (RFC 9110, 7.8), as WebSocket does (RFC 6455), and the
//! connection once it is switched.
//!
//! Nothing but the request goes to the origin before the origin has said 101, and what comes then is bytes: they live by
//! the rules of byte streams.

use std::sync::Arc;
use std::task::{self, Poll};

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, UPGRADE};
use http::{HeaderValue, Method, Request, Response, Version};
use http_body_util::{Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::{OnUpgrade, on};
use hyper_util::rt::TokioIo;

use super::connection::{Connection, Context};
use super::forward::ResponseBody;
use super::request_body::RequestBody;
use crate::connection::State;
use crate::device::Device;
use crate::limit::Direction;
use crate::model::upgrade::UpgradeProtocol;
use crate::origin::PooledBody;
use crate::relay::{self, Account, Clock, End, Paced, Watched, Ways};

/// What a request wants to switch to.
pub(super) struct Upgrade {
    protocol: HeaderValue,
    device: OnUpgrade,
}

/// A connection that its origin has switched: both ends of it, as soon as they are free.
pub(super) struct Switched {
    device: OnUpgrade,
    origin: OnUpgrade,
    /// The place among what is under way to the origin.
    place: PooledBody<RequestBody>,
    label: Arc<str>,
    who: Device,
    ray_id: String,
}

impl Upgrade {
    /// What a request wants to switch to, where that is one of the protocols that its host permits. Anything else is a
    /// request like any other (RFC 9110, 7.8: "a server MAY ignore").
    pub(super) fn wanted(request: &mut Request<Incoming>, permitted: &[UpgradeProtocol]) -> Option<Self> {
        let protocol = wanted(request, permitted)?.as_header().clone();
        request.body().is_end_stream().then(|| Self { protocol, device: on(request) })
    }

    /// Has the origin asked for it, with headers of our own making.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, self.protocol.clone());
    }

    /// The device's 101 for the origin's. The connection is to be switched once this has been sent.
    pub(super) fn switch(
        self,
        connection: &Connection,
        state: &State,
        ray_id: &str,
        mut response: Response<PooledBody<RequestBody>>,
    ) -> Response<ResponseBody> {
        self.ask(response.headers_mut());
        response.headers_mut().remove(CONTENT_LENGTH);
        let origin = on(&mut response);
        let (head, place) = response.into_parts();
        let (label, who) = (Arc::clone(&state.host.label), state.device.clone());
        let switched = Switched { device: self.device, origin, place, label, who, ray_id: ray_id.to_owned() };
        *connection.switched.borrow_mut() = Some(Box::new(switched));
        Response::from_parts(head, Either::Left(Full::default()))
    }
}

/// Which of the permitted protocols a request wants, and nothing else. HTTP/2 has no such thing (RFC 9113, 8.6).
fn wanted<'a, B>(request: &Request<B>, permitted: &'a [UpgradeProtocol]) -> Option<&'a UpgradeProtocol> {
    if request.version() != Version::HTTP_11 {
        return None;
    }
    let headers = request.headers();
    let mut named = headers.get_all(UPGRADE).iter();
    let (Some(named), None) = (named.next(), named.next()) else { return None };
    let options = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = options.flat_map(|value| value.split(','));
    let is_asked = options.any(|option| option.trim().eq_ignore_ascii_case("upgrade"));
    let protocol = permitted.iter().find(|protocol| protocol.is_named_by(named))?;
    // RFC 6455, 4.1.
    let is_right = *protocol != UpgradeProtocol::WEBSOCKET || *request.method() == Method::GET;
    (is_asked && is_right).then_some(protocol)
}

impl Switched {
    /// Moves bytes until there is a reason to stop. The device's connection must be done with HTTP.
    pub(super) async fn run(self, context: &Context, connection: &Connection) {
        let Self { device, origin, place: _place, label, who, ray_id } = self;
        // One of the two may have ended in the very moment of its 101.
        let (Ok(device), Ok(origin)) = tokio::join!(device, origin) else { return };
        let mut device = Paced::new(TokioIo::new(device), connection.pace(Direction::Received));
        let mut origin = Paced::new(TokioIo::new(origin), connection.pace(Direction::Sent));
        let (changes, lost) = connection.watch(context.in_force());
        let who = (connection.source, &who);
        let mut account = Account::open(&context.metrics, &context.access_log, &label, who, ray_id);
        if let Some(reason) = lost {
            account.lose(reason);
            return;
        }
        let mut ways = Ways::default();
        let moving = |cx: &mut task::Context<'_>| -> (Poll<End>, [u64; 2]) {
            let end = ways.poll(cx, &mut device, &mut origin, |_| Ok(()), |_| ());
            (end, ways.bytes())
        };
        let watched = Watched { connection, changes, clock: Clock::start(context.in_force()) };
        let lost = || connection.lost(context.in_force());
        relay::run(&mut account, watched, moving, lost).await;
        relay::close(&mut device).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 2] = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")];

    fn is_wanted(method: &str, version: Version, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let permitted = [UpgradeProtocol::WEBSOCKET, "tcp".parse().unwrap()];
        wanted(&request.body(()).unwrap(), &permitted).is_some()
    }

    #[test]
    fn only_a_well_formed_request_for_a_permitted_protocol_is_an_upgrade() {
        let http11 = Version::HTTP_11;
        assert!(is_wanted("GET", http11, &GOOD));
        assert!(is_wanted("GET", http11, &[("connection", "x"), ("connection", "upgrade"), GOOD[1]]));
        assert!(is_wanted("POST", http11, &[GOOD[0], ("upgrade", "tcp")]));
        for method in ["POST", "HEAD", "PUT"] {
            assert!(!is_wanted(method, http11, &GOOD), "{method}");
        }
        for version in [Version::HTTP_10, Version::HTTP_2] {
            assert!(!is_wanted("GET", version, &GOOD), "{version:?}");
        }
        let not: [&[(&str, &str)]; 8] = [
            &[],
            &GOOD[..1],
            &GOOD[1..],
            &[("connection", "upgraded"), GOOD[1]],
            &[GOOD[0], GOOD[1], GOOD[1]],
            &[GOOD[0], ("upgrade", "websocket, tcp")],
            &[GOOD[0], ("upgrade", "h2c")],
            &[GOOD[0], ("upgrade", "")],
        ];
        for headers in not {
            assert!(!is_wanted("GET", http11, headers), "{headers:?}");
        }
    }
}
