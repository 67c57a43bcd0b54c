//! Origins that speak HTTP/2, with prior knowledge and over TLS.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use http::{HeaderMap, HeaderValue, Version};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::model::origin::HttpVersions;
use crate::origin::TlsToOrigin;

/// An origin, and what it has seen.
#[derive(Clone, Default)]
struct Http2 {
    connections: Rc<Cell<usize>>,
    requests: Rc<RefCell<Vec<http::request::Parts>>>,
    /// Answers wait for it.
    release: Rc<Notify>,
}

#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        spawn_local(task);
    }
}

impl Http2 {
    /// One that allows this many streams, and waits with answers to requests for `/held`.
    async fn new(streams: u32) -> (Self, Origins) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let plain = |_: &_| -> Result<TlsToOrigin, Infallible> { unreachable!() };
        let target = Target::new(url, HttpVersions::Http2, None, plain).unwrap();
        let origins = Origins::new(vec![target], Balance::LeastRequests, None).unwrap();
        let origin = Self::default();
        let this = origin.clone();
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                this.connections.set(this.connections.get() + 1);
                let this = this.clone();
                let service = service_fn(move |request| this.clone().answer(request));
                let serving = Builder::new(Local)
                    .max_concurrent_streams(streams)
                    .serve_connection(TokioIo::new(stream), service);
                spawn_local(serving);
            }
        });
        (origin, origins)
    }

    /// The request's body and its trailers, back.
    async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<impl Body<Data = Bytes, Error = hyper::Error>>, Infallible> {
        let (head, body) = request.into_parts();
        let is_held = head.uri.path() == "/held";
        self.requests.borrow_mut().push(head);
        if is_held {
            self.release.notified().await;
        }
        Ok(Response::new(body))
    }

    fn seen(&self) -> (usize, usize) {
        (self.connections.get(), self.requests.borrow().len())
    }
}

fn request(path: &str) -> Request<Full<Bytes>> {
    let mut request = get();
    *request.uri_mut() = path.parse().unwrap();
    request
}

#[test]
fn a_request_is_written_as_http2_has_it() {
    run(async {
        let (origin, origins) = Http2::new(10).await;
        let response = pool().send(&origins, None, request("/a?b")).await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
        let head = origin.requests.borrow_mut().pop().unwrap();
        assert_eq!(head.uri.to_string(), "http://iot.example.com/a?b");
        assert!(!head.headers.contains_key("host"));
        assert_eq!(head.headers["te"], "trailers", "gRPC wants to hear that they come through");
    });
}

#[test]
fn requests_share_one_connection_as_long_as_it_has_room() {
    run(async {
        let (origin, origins) = Http2::new(3).await;
        let pool = pool();
        let under_way: Vec<_> = (0..7)
            .map(|_| {
                let (pool, target) = (pool.clone(), Arc::clone(&origins.targets()[0]));
                spawn_local(async move {
                    let origins = Origins::new(vec![target], Balance::LeastRequests, None).unwrap();
                    read(pool.send(&origins, None, request("/held")).await.unwrap()).await
                })
            })
            .collect();
        until("seven requests", || origin.seen().1 == 7).await;
        assert_eq!(origin.seen().0, 3, "three on each");
        origin.release.notify_waiters();
        for task in under_way {
            task.await.unwrap();
        }
        read(pool.send(&origins, None, request("/")).await.unwrap()).await;
        assert_eq!(origin.seen().0, 3);
        rest(Duration::from_secs(31)).await;
        pool.reap();
        assert!(pool.slots.borrow().is_empty(), "what nobody needs is closed");
    });
}

#[test]
fn requests_that_come_at_once_make_one_connection() {
    run(async {
        let (origin, origins) = Http2::new(100).await;
        let pool = pool();
        let send = || pool.send(&origins, None, request("/"));
        let (one, two, three) = tokio::join!(send(), send(), send());
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        assert_eq!(origin.seen(), (1, 3));
    });
}

/// A body that is written as the test goes on.
#[derive(Default)]
struct Late(Option<UnboundedReceiver<Frame<Bytes>>>);

impl Body for Late {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.as_mut().unwrap().poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

#[test]
fn bodies_and_trailers_pass_both_ways_while_they_come() {
    run(async {
        let (origin, origins) = Http2::new(10).await;
        let (send, receive) = tokio::sync::mpsc::unbounded_channel();
        let pool: Pool<Late> = pool();
        let body = Late(Some(receive));
        let request = Request::builder().method("POST").uri("/").header("host", "a").body(body).unwrap();
        let response = pool.send(&origins, None, request).await.unwrap();
        let mut body = response.into_body();
        // Each part comes back before the next is sent: nothing waits for the end.
        for part in ["one", "two"] {
            send.send(Frame::data(Bytes::from(part))).unwrap();
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), part);
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        send.send(Frame::trailers(trailers)).unwrap();
        drop(send);
        let last = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!((&last["grpc-status"], origin.seen().0), (&HeaderValue::from_static("0"), 1));
    });
}

#[test]
fn a_client_that_breaks_off_is_not_the_origins_fault() {
    run(async {
        // It answers, as most do, when it has read the request.
        let (origin, origins) = Http2::new(10).await;
        let request = Request::builder().method("PUT").uri("/held").header("host", "a").body(Broken).unwrap();
        let result = pool().send(&origins, None, request).await;
        assert!(matches!(result.map(drop), Err(OriginError::RequestBody(_))));
        assert_eq!(origin.seen().0, 1);
    });
}

#[test]
fn an_origin_that_does_not_speak_it_is_a_protocol_error() {
    run(async {
        let origin = Origin::new(|_, _| Say("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
        let url = origin.origins.targets()[0].url.clone();
        let plain = |_: &_| -> Result<TlsToOrigin, Infallible> { unreachable!() };
        let target = Target::new(url, HttpVersions::Http2, None, plain).unwrap();
        let origins = Origins::new(vec![target], Balance::LeastRequests, None).unwrap();
        let error = pool().send(&origins, None, get()).await.map(drop).unwrap_err();
        assert_eq!(error.label(), "origin_protocol");
    });
}
