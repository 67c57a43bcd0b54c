//! The pool against real origins on loopback. Only the clock is ours, where time is the matter.

mod http2;
mod many;
mod origin;
mod upgrade;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{self, Instant};

use self::origin::Answer::{Close, Say, SayAndClose, SayAndStop, Silence};
use self::origin::Origin;
use super::*;
use crate::origin::{Balance, BodyError};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn limits() -> Limits {
    let [connect, response, idle] = [5, 60, 30].map(Duration::from_secs);
    Limits { connect, response, stall: response, idle, max_idle: 2, max_requests: 8 }
}

fn pool<B>() -> Pool<B>
where
    B: Body<Data = Bytes> + Default + Unpin + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    Pool::new(Dialer::default(), Metrics::new().unwrap(), limits())
}

fn get() -> Request<Full<Bytes>> {
    Request::builder().uri("/").header("host", "iot.example.com").body(Full::default()).unwrap()
}

fn post() -> Request<Full<Bytes>> {
    let mut request = get().map(|_| Full::from("x"));
    *request.method_mut() = Method::POST;
    request
}

async fn read(response: Response<PooledBody<Full<Bytes>>>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

impl Pool<Full<Bytes>> {
    fn resting(&self) -> usize {
        self.slots.borrow().values().map(|slot| slot.resting().0).sum()
    }

    /// Waits until this many connections rest: they come back when hyper is done with them.
    async fn rests(&self, count: usize) {
        until("connections that rest", || self.resting() == count).await;
    }

    /// Waits until the connections that rest have noticed that they were closed.
    async fn notices(&self) {
        until("all are closed", || self.slots.borrow().values().all(|slot| slot.resting().1)).await;
    }
}

impl<B> Pool<B> {
    /// The sum over all labels of a counter.
    fn counted(&self, name: &str) -> u64 {
        let text = String::from_utf8(self.shared.metrics.render()).unwrap();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        tokio::task::yield_now().await;
    }
}

/// Lets connections rest for `duration`, and the clock go on by itself after that.
async fn rest(duration: Duration) {
    time::pause();
    time::advance(duration).await;
    time::resume();
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn a_connection_is_used_again_once_its_response_was_read() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let pool = pool();
        for _ in 0..3 {
            assert_eq!(read(pool.send(&origin.origins, None, get()).await.unwrap()).await, "ok");
            pool.rests(1).await;
        }
        assert_eq!(origin.seen().0, 1);
    });
}

#[test]
fn a_connection_whose_response_was_not_read_to_its_end_is_not_used_again() {
    run(async {
        let origin = Origin::new(|_, _| Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")).await;
        let pool = pool();
        for _ in 0..2 {
            let mut response = pool.send(&origin.origins, None, get()).await.unwrap();
            assert!(response.body_mut().frame().await.unwrap().is_ok());
            drop(response);
            tokio::task::yield_now().await;
        }
        assert_eq!((origin.seen().0, pool.resting()), (2, 0));
    });
}

#[test]
fn a_connection_that_the_origin_wants_closed_is_not_used_again() {
    run(async {
        let origin =
            Origin::new(|_, _| Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"))
                .await;
        let pool = pool();
        for _ in 0..2 {
            assert_eq!(read(pool.send(&origin.origins, None, get()).await.unwrap()).await, "ok");
        }
        assert_eq!((origin.seen().0, pool.resting()), (2, 0));
    });
}

#[test]
fn no_more_connections_rest_than_the_limit_says() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let pool = pool();
        let three = tokio::join!(
            pool.send(&origin.origins, None, get()),
            pool.send(&origin.origins, None, get()),
            pool.send(&origin.origins, None, get())
        );
        assert_eq!(origin.seen().0, 3);
        for response in [three.0, three.1, three.2] {
            read(response.unwrap()).await;
        }
        pool.rests(2).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.resting(), 2);
    });
}

#[test]
fn each_origin_has_connections_of_its_own() {
    run(async {
        let (first, second) = (Origin::new(|_, _| Say(OK)).await, Origin::new(|_, _| Say(OK)).await);
        let pool = pool();
        read(pool.send(&first.origins, None, get()).await.unwrap()).await;
        read(pool.send(&second.origins, None, get()).await.unwrap()).await;
        assert_eq!((first.seen().0, second.seen().0), (1, 1));
    });
}

#[test]
fn a_connection_that_rested_too_long_is_not_used_again_and_reaped() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let pool = pool();
        for connections in 1..=2 {
            read(pool.send(&origin.origins, None, get()).await.unwrap()).await;
            pool.rests(1).await;
            assert_eq!(origin.seen().0, connections);
            rest(Duration::from_secs(31)).await;
        }
        pool.reap();
        assert_eq!(pool.resting(), 0);
        assert!(pool.slots.borrow().is_empty(), "an origin without connections takes no memory");
    });
}

#[test]
fn other_limits_count_from_now_on() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let pool = pool();
        read(pool.send(&origin.origins, None, get()).await.unwrap()).await;
        pool.rests(1).await;
        rest(Duration::from_secs(10)).await;
        pool.reap();
        assert_eq!(pool.resting(), 1);
        pool.set_limits(Limits { idle: Duration::from_secs(5), ..limits() });
        pool.reap();
        assert_eq!(pool.resting(), 0);
    });
}

#[test]
fn a_connection_that_was_closed_while_it_rested_costs_nobody_a_request() {
    run(async {
        let origin =
            Origin::new(|connection, _| if connection == 1 { SayAndClose(OK) } else { Say(OK) }).await;
        let pool = pool();
        read(pool.send(&origin.origins, None, get()).await.unwrap()).await;
        pool.notices().await;
        assert_eq!(read(pool.send(&origin.origins, None, post()).await.unwrap()).await, "ok");
        assert_eq!(origin.seen(), (2, vec!["GET /".to_owned(), "POST /".to_owned()]));
    });
}

/// The origin closes just when a request is on its way.
#[test]
fn a_safe_request_on_a_connection_that_rested_is_sent_again_and_another_is_not() {
    for (request, safe) in [(get as fn() -> _, true), (post, false)] {
        run(async {
            let origin = Origin::new(
                |connection, request| if (connection, request) == (1, 2) { Close } else { Say(OK) },
            )
            .await;
            let pool = pool();
            read(pool.send(&origin.origins, None, get()).await.unwrap()).await;
            pool.rests(1).await;
            rest(RESTED + Duration::from_millis(1)).await;
            let result = pool.send(&origin.origins, None, request()).await;
            let (connections, requests) = origin.seen();
            if safe {
                assert_eq!(read(result.unwrap()).await, "ok");
                assert_eq!((connections, requests.len()), (2, 3));
            } else {
                assert!(matches!(result.map(drop), Err(OriginError::Protocol { .. })));
                assert_eq!(
                    (connections, requests),
                    (1, vec!["GET /".to_owned(), "POST /".to_owned()]),
                    "once, and no more"
                );
            }
        });
    }
}

#[test]
fn a_new_connection_that_fails_is_not_tried_again() {
    run(async {
        let origin = Origin::new(|_, _| Close).await;
        let result = pool().send(&origin.origins, None, get()).await;
        assert!(matches!(result.map(drop), Err(OriginError::Protocol { .. })));
        assert_eq!(origin.seen(), (1, vec!["GET /".to_owned()]));
    });
}

#[test]
fn what_is_not_http_is_a_protocol_error() {
    run(async {
        let origin = Origin::new(|_, _| Say("220 mail.example ESMTP\r\n\r\n")).await;
        let result = pool().send(&origin.origins, None, get()).await;
        assert!(matches!(result.map(drop), Err(OriginError::Protocol { .. })));
    });
}

#[test]
fn an_origin_that_says_nothing_is_given_up_in_time_and_its_connection_with_it() {
    run(async {
        let origin = Origin::new(|_, _| Silence).await;
        let pool = pool();
        let begun = Instant::now();
        let result = pool.send(&origin.origins, None, get()).await;
        assert!(matches!(result.map(drop), Err(OriginError::ResponseTimeout(_))));
        assert!(begun.elapsed() >= limits().response);
        assert_eq!(pool.resting(), 0);
    });
}

#[test]
fn a_used_connection_that_says_nothing_is_given_up_in_time_too() {
    run(async {
        let origin = Origin::new(|_, request| if request == 1 { Say(OK) } else { Silence }).await;
        let pool = pool();
        read(pool.send(&origin.origins, None, get()).await.unwrap()).await;
        pool.rests(1).await;
        let result = pool.send(&origin.origins, None, get()).await;
        assert!(matches!(result.map(drop), Err(OriginError::ResponseTimeout(_))));
        assert_eq!((origin.seen().0, pool.resting()), (1, 0), "a slow origin is not asked twice");
    });
}

#[test]
fn an_origin_that_does_not_listen_or_does_not_accept_is_told_apart() {
    run(async {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = |address| origin::origins(&format!("http://{address}"));
        let pool = pool();
        assert!(matches!(
            pool.send(&url(closed), None, get()).await.map(drop),
            Err(OriginError::Dial(DialError::Connect { .. }))
        ));

        // Nobody accepts, and the queue is full: SYNs go unanswered.
        let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        full.listen(0).unwrap();
        let address = full.local_addr().unwrap().as_socket().unwrap();
        let waiting: Vec<_> = (0..4).map(|_| spawn_local(TcpStream::connect(address))).collect();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        time::pause();
        let begun = Instant::now();
        assert!(matches!(
            pool.send(&url(address), None, get()).await.map(drop),
            Err(OriginError::Dial(DialError::Timeout(_)))
        ));
        assert!(begun.elapsed() >= limits().connect);
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    });
}

/// A client's body that breaks off.
#[derive(Default)]
struct Broken;

impl Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

#[test]
fn a_client_that_breaks_off_is_not_the_origins_fault() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let request = Request::builder().method("PUT").uri("/").body(Broken).unwrap();
        let result = pool().send(&origin.origins, None, request).await;
        assert!(matches!(result.map(drop), Err(OriginError::RequestBody(_))));
    });
}

#[test]
fn a_switch_of_protocols_that_nobody_asked_for_is_no_answer() {
    run(async {
        let origin = Origin::new(|_, _| Say("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n")).await;
        let error = pool().send(&origin.origins, None, get()).await.map(drop).unwrap_err();
        assert_eq!(error.label(), "origin_switched");
    });
}

#[test]
fn a_body_that_stands_still_is_given_up_and_its_connection_with_it() {
    run(async {
        let origin = Origin::new(|_, _| SayAndStop("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")).await;
        let pool = pool();
        let begun = Instant::now();
        let response = pool.send(&origin.origins, None, get()).await.unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        assert!(matches!(error, BodyError::Stalled), "{error}");
        assert!(begun.elapsed() >= limits().stall);
        assert_eq!((pool.resting(), pool.counted("fleetgate_origin_stalls_total")), (0, 1));
    });
}

/// A client's body of ten parts, one in each 40 seconds.
#[derive(Default)]
struct Slow {
    parts: usize,
    wait: Option<Pin<Box<time::Sleep>>>,
}

impl Body for Slow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.parts == 0 {
            return Poll::Ready(None);
        }
        let wait = self.wait.get_or_insert_with(|| Box::pin(time::sleep(Duration::from_secs(40))));
        std::task::ready!(wait.as_mut().poll(cx));
        (self.parts, self.wait) = (self.parts - 1, None);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts == 0
    }
}

#[test]
fn a_request_whose_body_moves_slowly_has_its_time_from_the_last_part_on() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let body = Slow { parts: 10, wait: None };
        let request = Request::builder().method("PUT").uri("/").header("host", "a").body(body).unwrap();
        time::pause();
        let response = pool().send(&origin.origins, None, request).await.unwrap();
        assert_eq!(response.status(), 200);
    });
}

#[test]
fn no_more_requests_are_under_way_than_the_limit_says() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let pool = pool();
        pool.set_limits(Limits { max_requests: 1, ..limits() });
        let first = pool.send(&origin.origins, None, get()).await.unwrap();
        let (_, body) = first.into_parts();
        // Its body has come, and is read: nothing is under way.
        drop(body);
        let held = Origin::new(|_, _| SayAndStop("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")).await;
        let first = pool.send(&held.origins, None, get()).await.unwrap();
        let second = pool.send(&held.origins, None, get()).await.map(drop).unwrap_err();
        assert_eq!((second.label(), second.status().as_u16()), ("origin_busy", 503));
        assert_eq!(pool.counted("fleetgate_origin_limit_hits_total"), 1);
        drop(first);
        assert!(pool.send(&held.origins, None, get()).await.is_ok());
    });
}

#[test]
fn an_origin_sees_the_host_that_it_is_to_see() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let host = HeaderValue::from_static("internal.example:81");
        let origins =
            Origins::new(origin.origins.targets().to_vec(), Balance::LeastRequests, Some(host)).unwrap();
        read(pool().send(&origins, None, get()).await.unwrap()).await;
        assert_eq!(origin.hosts(), ["internal.example:81"]);
    });
}
