//! What arrives, in which order, and what is held while it cannot.

use std::convert::Infallible;
use std::future::poll_fn;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

/// A source and a sink with room for `room` bytes each: the relay's ends, and ours.
fn ends(room: usize) -> ((DuplexStream, DuplexStream), (DuplexStream, DuplexStream)) {
    let (ours, from) = duplex(room);
    let (to, theirs) = duplex(room);
    ((from, to), (ours, theirs))
}

async fn run(
    way: &mut Way,
    from: &mut DuplexStream,
    to: &mut DuplexStream,
) -> Result<(), Broken<Infallible>> {
    poll_fn(|cx| way.poll(cx, from, to, |_| Ok(()))).await
}

/// Polls once; true when it is over.
async fn once(way: &mut Way, from: &mut DuplexStream, to: &mut DuplexStream) -> bool {
    poll_fn(|cx| Poll::Ready(way.poll(cx, from, to, |_| Ok::<_, Infallible>(())).is_ready())).await
}

#[tokio::test]
async fn everything_arrives_in_order_and_the_end_behind_it() {
    let ((mut from, mut to), (mut ours, mut theirs)) = ends(1000);
    let pattern: Vec<u8> = (0..200_000u32).map(|number| (number % 251) as u8).collect();
    let mut way = Way::default();
    let send = async {
        ours.write_all(&pattern).await.unwrap();
        ours.shutdown().await.unwrap();
    };
    let receive = async {
        let mut received = Vec::new();
        theirs.read_to_end(&mut received).await.unwrap();
        received
    };
    let (end, (), received) = tokio::join!(run(&mut way, &mut from, &mut to), send, receive);
    end.unwrap();
    assert_eq!((received == pattern, way.bytes, way.is_done()), (true, 200_000, true));
}

#[tokio::test]
async fn a_sink_that_stands_still_holds_the_source_up() {
    let ((mut from, mut to), (mut ours, mut theirs)) = ends(100);
    let mut way = Way::default();
    for _ in 0..3 {
        let _ = poll_fn(|cx| Poll::Ready(Pin::new(&mut ours).poll_write(cx, &[7; 100]))).await;
        assert!(!once(&mut way, &mut from, &mut to).await);
    }
    assert_eq!((way.bytes, way.left.len()), (200, 100), "one buffer waits, and nothing is read behind it");
    theirs.read_exact(&mut [0; 100]).await.unwrap();
    assert!(!once(&mut way, &mut from, &mut to).await);
    theirs.read_exact(&mut [0; 100]).await.unwrap();
    assert!(!once(&mut way, &mut from, &mut to).await);
    assert_eq!((way.bytes, way.left.capacity()), (300, 0), "what has gone takes no room");
}

#[tokio::test]
async fn one_that_never_runs_dry_lets_others_have_their_turn() {
    let mut way = Way::default();
    let (mut from, mut to) = (tokio::io::repeat(7), tokio::io::sink());
    let is_over =
        poll_fn(|cx| Poll::Ready(way.poll(cx, &mut from, &mut to, |_| Ok::<_, Infallible>(())).is_ready()))
            .await;
    assert_eq!((is_over, way.bytes), (false, (TURN * SCRATCH) as u64));
}

#[tokio::test]
async fn what_is_refused_does_not_go_on() {
    let ((mut from, mut to), (mut ours, mut theirs)) = ends(100);
    ours.write_all(b"secret").await.unwrap();
    let mut way = Way::default();
    let end = poll_fn(|cx| way.poll(cx, &mut from, &mut to, |piece| Err(piece.len()))).await;
    assert!(matches!(end, Err(Broken::Refused(6))));
    drop(to);
    assert_eq!(theirs.read(&mut [0; 100]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_side_that_is_gone_is_named() {
    let ((mut from, mut to), (mut ours, theirs)) = ends(100);
    drop(theirs);
    ours.write_all(b"x").await.unwrap();
    assert!(matches!(run(&mut Way::default(), &mut from, &mut to).await, Err(Broken::Write(_))));
}
