//! Requests on their way to an origin: the same whatever version of HTTP is spoken with it, and sent twice only where
//! that is safe.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::header::{HOST, TE, UPGRADE};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body::{Body, Frame, SizeHint};

/// How a body gets on.
pub(super) type Progress = Rc<Moves>;

/// What is known of a body that moves.
#[derive(Default)]
pub(super) struct Moves {
    moved: Cell<bool>,
    broken: Cell<bool>,
}

impl Moves {
    /// Whether a part of it passed since somebody last looked.
    pub(super) fn take(&self) -> bool {
        self.moved.take()
    }

    /// Whether it broke off. An origin that speaks HTTP/2 hears of a reset, and its answer does not say whose it was.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.get()
    }
}

/// A request's body, which says when it moves.
#[derive(Default)]
pub(super) struct Sent<B> {
    body: B,
    progress: Option<Progress>,
}

impl<B: Body> Sent<B> {
    pub(super) fn new(body: B) -> Self {
        let progress = (!body.is_end_stream()).then(Progress::default);
        Self { body, progress }
    }

    /// Whether it moves. `None` when there is nothing to be moved.
    pub(super) fn progress(&self) -> Option<Progress> {
        self.progress.clone()
    }
}

impl<B: Body + Unpin> Body for Sent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let (Some(progress), Poll::Ready(_)) = (&self.progress, &frame) {
            progress.moved.set(true);
            progress.broken.set(matches!(frame, Poll::Ready(Some(Err(_)))));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A copy of a request that an origin may see twice: a safe method (RFC 9110, 9.2.1) without a body.
pub(super) fn repeatable<B: Body + Default>(request: &Request<B>) -> Option<Request<B>> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe { copy(request) } else { None }
}

/// A copy of a request without a body.
pub(super) fn copy<B: Body + Default>(request: &Request<B>) -> Option<Request<B>> {
    if !request.body().is_end_stream() || is_upgrade(request) {
        return None;
    }
    let mut copy = Request::new(B::default());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Whether a request wants another protocol, which only HTTP/1.1 can give.
pub(super) fn is_upgrade<B>(request: &Request<B>) -> bool {
    request.headers().contains_key(UPGRADE)
}

/// Whether a 101 is about what its request wanted (RFC 9110, 7.8).
pub(super) fn is_switched_to(wanted: Option<&HeaderValue>, headers: &HeaderMap) -> bool {
    let mut named = headers.get_all(UPGRADE).iter();
    let (Some(wanted), Some(named), None) = (wanted, named.next(), named.next()) else { return false };
    named.as_bytes().eq_ignore_ascii_case(wanted.as_bytes())
}

/// Writes a request as HTTP/1.1 has it: a path, and a `Host`.
pub(super) fn to_http1<B>(request: &mut Request<B>) {
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str());
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
        if let Ok(host) = host {
            request.headers_mut().entry(HOST).or_insert(host);
        }
        request.headers_mut().remove(TE);
    }
    *request.version_mut() = Version::HTTP_11;
}

/// Writes a request as HTTP/2 has it: all in the target, and no `Host`. Trailers come through, and gRPC wants to hear it.
pub(super) fn to_http2<B>(request: &mut Request<B>, is_tls: bool) {
    if request.uri().authority().is_none() {
        let host = request.headers_mut().remove(HOST);
        let authority: Option<Authority> = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(if is_tls { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = authority;
        // The parts are valid each, and there is a path: it was taken from a request. Without it hyper refuses.
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    }
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    *request.version_mut() = Version::HTTP_2;
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use hyper::body::Bytes;

    use super::*;

    fn request(method: &str, body: &'static str) -> Request<Full<Bytes>> {
        let request =
            Request::builder().method(method).uri("/a?b").header("host", "a.example").header("x", "y");
        request.body(Full::new(Bytes::from(body))).unwrap()
    }

    #[test]
    fn what_may_be_sent_twice_is_safe_and_without_a_body() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let copy = repeatable(&request(method, "")).unwrap();
            assert_eq!(
                (copy.method().as_str(), copy.uri().to_string().as_str(), &copy.headers()["x"]),
                (method, "/a?b", &"y".parse().unwrap())
            );
            assert!(repeatable(&request(method, "x")).is_none(), "{method} with a body");
        }
        for method in ["POST", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE", "BREW"] {
            assert!(repeatable(&request(method, "")).is_none(), "{method}");
        }
    }

    #[test]
    fn an_upgrade_is_not_sent_twice() {
        let mut request = request("GET", "");
        request.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        assert!(is_upgrade(&request) && repeatable(&request).is_none());
    }

    #[test]
    fn a_switch_is_to_the_one_protocol_that_was_wanted() {
        let wanted = HeaderValue::from_static("websocket");
        let is_switched = |wanted: Option<&HeaderValue>, named: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for name in named {
                headers.append(UPGRADE, HeaderValue::from_static(name));
            }
            is_switched_to(wanted, &headers)
        };
        assert!(is_switched(Some(&wanted), &["WebSocket"]));
        for named in
            [&[][..], &["h2c"], &["websocket", "h2c"], &["websocket, h2c"], &["websocket", "websocket"]]
        {
            assert!(!is_switched(Some(&wanted), named), "{named:?}");
        }
        assert!(!is_switched(None, &["websocket"]));
    }

    #[test]
    fn a_request_is_written_as_its_version_has_it_and_back() {
        let mut request = request("GET", "");
        for _ in 0..2 {
            to_http2(&mut request, true);
            assert_eq!(
                (request.uri().to_string().as_str(), request.version()),
                ("https://a.example/a?b", Version::HTTP_2)
            );
            assert!(!request.headers().contains_key(HOST));
            assert_eq!(request.headers()[TE], "trailers");
        }
        for _ in 0..2 {
            to_http1(&mut request);
            assert_eq!((request.uri().to_string().as_str(), request.version()), ("/a?b", Version::HTTP_11));
            assert_eq!(request.headers()[HOST], "a.example");
            assert!(!request.headers().contains_key(TE));
        }
    }
}
