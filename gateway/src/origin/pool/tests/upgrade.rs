//! Connections that an origin switches to another protocol.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: WebSocket\r\n\r\nhello";

fn upgrade() -> Request<Full<Bytes>> {
    let mut request = get();
    request.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    request.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    request
}

#[test]
fn a_switched_connection_counts_as_under_way_and_never_comes_back() {
    run(async {
        let origin = Origin::new(|_, _| Say(SWITCHING)).await;
        let pool = pool();
        let mut response = pool.send(&origin.origins, None, upgrade()).await.unwrap();
        let upgraded = hyper::upgrade::on(&mut response).await.unwrap();
        let mut upgraded = TokioIo::new(upgraded);
        let mut bytes = [0; 5];
        upgraded.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hello");
        let active = || pool.slots.borrow().values().map(|slot| slot.active()).sum::<usize>();
        assert_eq!(active(), 1);
        upgraded.shutdown().await.unwrap();
        drop((upgraded, response));
        assert_eq!((active(), pool.resting()), (0, 0));
    });
}

#[test]
fn an_upgrade_takes_no_kept_connection_and_an_ordinary_answer_keeps_its_own() {
    run(async {
        let origin = Origin::new(|_, _| Say(OK)).await;
        let pool = pool();
        for (connections, request) in [(1, get()), (2, upgrade())] {
            read(pool.send(&origin.origins, None, request).await.unwrap()).await;
            pool.rests(connections).await;
            assert_eq!(origin.seen().0, connections);
        }
    });
}

#[test]
fn a_switch_to_something_else_is_no_answer() {
    run(async {
        let origin =
            Origin::new(|_, _| Say("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n")).await;
        let error = pool().send(&origin.origins, None, upgrade()).await.map(drop).unwrap_err();
        assert_eq!(error.label(), "origin_switched");
    });
}
