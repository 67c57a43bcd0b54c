//! Health checks of origins that do as they are told. Only the clock is ours.

use std::convert::Infallible;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use tokio::time;

use super::*;
use crate::model::origin::HttpVersions;
use crate::origin::TlsToOrigin;

/// An origin that answers one status after the other, the last again and again, and what it was asked.
async fn origin(statuses: &'static [u16]) -> (Arc<Target>, Rc<RefCell<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let check = Check {
        path: PathAndQuery::from_static("/healthz?deep"),
        host: HeaderValue::from_static("iot.example.com"),
        interval: Duration::from_secs(10),
    };
    let plain = |_: &_| -> Result<TlsToOrigin, Infallible> { unreachable!() };
    let target = Target::new(url, HttpVersions::Auto, Some(check), plain).unwrap();
    let asked = Rc::<RefCell<Vec<String>>>::default();
    let log = Rc::clone(&asked);
    tokio::task::spawn_local(async move {
        let mut statuses = statuses.iter();
        let mut status = 200;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            status = *statuses.next().unwrap_or(&status);
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            log.borrow_mut().push(String::from_utf8(head).unwrap());
        }
    });
    (target, asked)
}

/// Lets the interval pass, and the check that is due be answered.
async fn next(checker: &Checker, target: &Arc<Target>, asked: &RefCell<Vec<String>>) {
    let before = asked.borrow().len();
    checker.tick(std::iter::once(Arc::clone(target)));
    let deadline = std::time::Instant::now() + TIME * 2;
    while asked.borrow().len() == before
        || checker.asked.borrow()[&target.id].due > Instant::now() + Duration::from_secs(10)
    {
        assert!(std::time::Instant::now() < deadline, "not asked");
        tokio::task::yield_now().await;
    }
    time::pause();
    time::advance(Duration::from_secs(11)).await;
    time::resume();
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn two_bad_answers_make_an_origin_unwell_and_one_good_one_makes_it_well() {
    run(async {
        let (target, asked) = origin(&[204, 503, 200, 500, 500, 301]).await;
        let checker = Checker::new(Metrics::new().unwrap());
        for well in [true, true, true, true, false, true] {
            next(&checker, &target, &asked).await;
            assert_eq!(target.is_healthy(), well, "after {:?}", asked.borrow().len());
        }
        let first = asked.borrow()[0].to_lowercase();
        assert!(first.starts_with("get /healthz?deep http/1.1\r\n"), "{first}");
        assert!(first.contains("\r\nhost: iot.example.com\r\n"), "{first}");
    });
}

#[test]
fn one_that_is_not_due_is_not_asked() {
    run(async {
        let (target, asked) = origin(&[]).await;
        let checker = Checker::new(Metrics::new().unwrap());
        next(&checker, &target, &asked).await;
        next(&checker, &target, &asked).await;
        for _ in 0..100 {
            checker.tick(std::iter::once(Arc::clone(&target)));
            tokio::task::yield_now().await;
        }
        assert!(asked.borrow().len() <= 3, "{}", asked.borrow().len());
    });
}
