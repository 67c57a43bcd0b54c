//! Connecting to whichever address of a name answers first (RFC 8305).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long an address may take before the next is tried beside it (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to one of `addresses`: all are tried, the first that answers wins.
pub(super) async fn connect(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    if let [address] = addresses {
        return TcpStream::connect(SocketAddr::new(*address, port)).await;
    }
    let mut failure = io::Error::other("the name has no address");
    let mut attempts = JoinSet::new();
    let mut waiting = interleaved(addresses).into_iter();
    loop {
        match waiting.next() {
            Some(address) => drop(attempts.spawn(TcpStream::connect(SocketAddr::new(address, port)))),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        let next = attempts.join_next();
        let finished =
            if waiting.len() == 0 { next.await } else { timeout(HEAD_START, next).await.ok().flatten() };
        match finished {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failure = error,
            // Nobody aborts an attempt before the race is over, and connecting does not panic.
            Some(Err(error)) => failure = error.into(),
            None => {}
        }
    }
}

/// The addresses in their order, families in turns: where one family leads nowhere, the second attempt is of the other.
fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<IpAddr>, Vec<_>) =
        addresses.iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::with_capacity(addresses.len());
    while first.len() + second.len() > 0 {
        order.extend(first.next());
        order.extend(second.next());
    }
    order
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let order = interleaved(&parse(&["::1", "::2", "::3", "10.0.0.1"]));
        assert_eq!(order, parse(&["::1", "10.0.0.1", "::2", "::3"]));
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next() {
        let listener = TcpListener::bind("127.0.0.3:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|text| text.parse().unwrap());
        let stream = connect(&addresses, port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), addresses[2]);
        assert_eq!(
            connect(&addresses[..2], port).await.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
        assert!(connect(&[], port).await.is_err());
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_does_not_hold_up_the_next() {
        // Nobody accepts on the first, and its queue is full: SYNs go unanswered.
        let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        full.listen(0).unwrap();
        let silent = full.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = JoinSet::new();
        for _ in 0..4 {
            waiting.spawn(TcpStream::connect(silent));
        }
        tokio::task::yield_now().await;
        let _listener = TcpListener::bind(("127.0.0.2", silent.port())).await.unwrap();
        let addresses = ["127.0.0.1", "127.0.0.2"].map(|text| text.parse().unwrap());
        let stream = connect(&addresses, silent.port()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), addresses[1]);
    }
}
