//! The pool against real origins on loopback. Only the clock is ours, where time is the matter.

mod origin;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};
use tokio::time;

use self::origin::Answer::{Close, Say, SayAndClose, Silence};
use self::origin::Origin;
use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn limits() -> Limits {
    let [connect, response, idle] = [5, 60, 30].map(Duration::from_secs);
    Limits { connect, response, idle, max_idle: 2 }
}

fn pool<B>() -> Pool<B>
where
    B: Body<Data = Bytes> + Default + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    Pool::new(Dialer::default(), limits())
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
        self.shared.idle.borrow().values().map(Vec::len).sum()
    }

    /// Waits until this many connections rest: they come back when hyper is done with them.
    async fn rests(&self, count: usize) {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while self.resting() != count {
            assert!(std::time::Instant::now() < deadline, "{} rest, not {count}", self.resting());
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the connections that rest have noticed that they were closed.
    async fn notices(&self) {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while self.shared.idle.borrow().values().flatten().any(|idle| !idle.sender.is_closed()) {
            assert!(std::time::Instant::now() < deadline, "a closed connection still looks open");
            tokio::task::yield_now().await;
        }
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
            assert_eq!(read(pool.send(&origin.target, get()).await.unwrap()).await, "ok");
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
            let mut response = pool.send(&origin.target, get()).await.unwrap();
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
            assert_eq!(read(pool.send(&origin.target, get()).await.unwrap()).await, "ok");
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
            pool.send(&origin.target, get()),
            pool.send(&origin.target, get()),
            pool.send(&origin.target, get())
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
        read(pool.send(&first.target, get()).await.unwrap()).await;
        read(pool.send(&second.target, get()).await.unwrap()).await;
        assert_eq!((first.seen().0, second.seen().0), (1, 1));
    });
}

#[test]
fn a_connection_that_rested_too_long_is_not_used_again_and_reaped() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let pool = pool();
        for connections in 1..=2 {
            read(pool.send(&origin.target, get()).await.unwrap()).await;
            pool.rests(1).await;
            assert_eq!(origin.seen().0, connections);
            rest(Duration::from_secs(31)).await;
        }
        pool.reap();
        assert_eq!(pool.resting(), 0);
        assert!(pool.shared.idle.borrow().is_empty(), "an origin without connections takes no memory");
    });
}

#[test]
fn other_limits_count_from_now_on() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let pool = pool();
        read(pool.send(&origin.target, get()).await.unwrap()).await;
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
        read(pool.send(&origin.target, get()).await.unwrap()).await;
        pool.notices().await;
        assert_eq!(read(pool.send(&origin.target, post()).await.unwrap()).await, "ok");
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
            read(pool.send(&origin.target, get()).await.unwrap()).await;
            pool.rests(1).await;
            rest(RESTED + Duration::from_millis(1)).await;
            let result = pool.send(&origin.target, request()).await;
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
        let result = pool().send(&origin.target, get()).await;
        assert!(matches!(result.map(drop), Err(OriginError::Protocol { .. })));
        assert_eq!(origin.seen(), (1, vec!["GET /".to_owned()]));
    });
}

#[test]
fn what_is_not_http_is_a_protocol_error() {
    run(async {
        let origin = Origin::new(|_, _| Say("220 mail.example ESMTP\r\n\r\n")).await;
        let result = pool().send(&origin.target, get()).await;
        assert!(matches!(result.map(drop), Err(OriginError::Protocol { .. })));
    });
}

#[test]
fn an_origin_that_says_nothing_is_given_up_in_time_and_its_connection_with_it() {
    run(async {
        let origin = Origin::new(|_, _| Silence).await;
        let pool = pool();
        let begun = Instant::now();
        let result = pool.send(&origin.target, get()).await;
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
        read(pool.send(&origin.target, get()).await.unwrap()).await;
        pool.rests(1).await;
        let result = pool.send(&origin.target, get()).await;
        assert!(matches!(result.map(drop), Err(OriginError::ResponseTimeout(_))));
        assert_eq!((origin.seen().0, pool.resting()), (1, 0), "a slow origin is not asked twice");
    });
}

#[test]
fn an_origin_that_does_not_listen_or_does_not_accept_is_told_apart() {
    run(async {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = |address| origin::target(&format!("http://{address}"));
        let pool = pool();
        assert!(matches!(
            pool.send(&url(closed), get()).await.map(drop),
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
            pool.send(&url(address), get()).await.map(drop),
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
        let result = pool().send(&origin.target, request).await;
        assert!(matches!(result.map(drop), Err(OriginError::RequestBody(_))));
    });
}

#[test]
fn what_may_be_sent_twice_is_safe_and_without_a_body() {
    let request = |method: &str, body: &'static str| {
        Request::builder()
            .method(method)
            .uri("/a?b")
            .header("x", "y")
            .body(Full::new(Bytes::from(body)))
            .unwrap()
    };
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
fn a_switch_of_protocols_that_nobody_asked_for_is_no_answer() {
    run(async {
        let origin = Origin::new(|_, _| Say("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n")).await;
        let error = pool().send(&origin.target, get()).await.map(drop).unwrap_err();
        assert_eq!(error.label(), "origin_switched");
    });
}
