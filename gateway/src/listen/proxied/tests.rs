//! Headers, good and bad, in one piece and octet by octet.

use proptest::prelude::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;

const LOOPBACK: &str = "127.0.0.0/8";

/// What is read from a peer on loopback that sends `octets` in pieces of `piece`, and what is left behind it.
async fn read_from(octets: &[u8], piece: usize, trusted: &str) -> (Result<Ends, ProxyError>, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    peer.set_nodelay(true).unwrap();
    let (mut stream, address) = listener.accept().await.unwrap();
    let send = async {
        for piece in octets.chunks(piece) {
            // It may have been refused by now.
            let _ = peer.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        let _ = peer.shutdown().await;
    };
    let prefixes = [trusted.parse().unwrap()];
    let (result, ()) = tokio::join!(read(&mut stream, address, &prefixes), send);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    (result, rest)
}

fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    [V2, &[command, family][..], &u16::try_from(rest.len()).unwrap().to_be_bytes(), rest].concat()
}

const ADDRESSES: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0x0f, 0xa0, 0x22, 0xb3];

fn named() -> Ends {
    Ends { source: ([192, 0, 2, 1], 4000).into(), destination: Some(([198, 51, 100, 1], 8883).into()) }
}

#[tokio::test]
async fn both_versions_name_the_source_and_nothing_behind_them_is_taken() {
    let extra = [&ADDRESSES[..], &[0x04, 0, 2, 0, 0]].concat();
    for header in [
        b"PROXY TCP4 192.0.2.1 198.51.100.1 4000 8883\r\n".to_vec(),
        v2(0x21, 0x11, &ADDRESSES),
        v2(0x21, 0x11, &extra),
    ] {
        for piece in [1, 15, 1000] {
            let sent = [&header[..], b"\x16\x03\x01hello\n"].concat();
            let (ends, rest) = read_from(&sent, piece, LOOPBACK).await;
            assert_eq!((ends.unwrap(), &rest[..]), (named(), &b"\x16\x03\x01hello\n"[..]), "{piece}");
        }
    }
}

#[tokio::test]
async fn a_balancer_that_speaks_for_itself_is_the_source() {
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), v2(0x20, 0, &[]), v2(0x21, 0, &[])] {
        let (ends, _) = read_from(&header, 1000, LOOPBACK).await;
        let ends = ends.unwrap();
        assert!(ends.source.ip().is_loopback() && ends.destination.is_none(), "{ends:?}");
    }
}

#[tokio::test]
async fn what_is_no_header_is_refused() {
    let endless = [b"PROXY TCP4 ".to_vec(), vec![b'1'; 200]].concat();
    for (sent, label) in [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00".to_vec(), "proxy_malformed"),
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 4000\r\n".to_vec(), "proxy_malformed"),
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 4000 8883\n".to_vec(), "proxy_malformed"),
        (v2(0x11, 0x11, &ADDRESSES), "proxy_malformed"),
        (v2(0x21, 0x11, &ADDRESSES[..11]), "proxy_malformed"),
        (v2(0x21, 0x11, &[0; MAX_V2]), "proxy_too_long"),
        (endless, "proxy_too_long"),
        (b"PROXY TCP4 192.0".to_vec(), "proxy_closed"),
        (v2(0x21, 0x11, &ADDRESSES)[..20].to_vec(), "proxy_closed"),
        (vec![], "proxy_closed"),
    ] {
        let (ends, _) = read_from(&sent, 1000, LOOPBACK).await;
        assert_eq!(ends.unwrap_err().label(), label, "{sent:x?}");
    }
}

#[tokio::test]
async fn whom_nobody_trusts_is_not_heard() {
    let (ends, _) = read_from(&v2(0x21, 0x11, &ADDRESSES), 1000, "10.0.0.0/8").await;
    assert_eq!(ends.unwrap_err().label(), "proxy_untrusted");
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(rest: Vec<u8>, command: u8, family: u8, line in "PROXY [A-Z0-9 .:]{0,90}\r\n") {
        let peer = ([127, 0, 0, 1], 1).into();
        let _ = ends(&v2(command, family, &rest), peer);
        let _ = ends(&v2(0x21, family % 0x40, &rest), peer);
        let _ = ends(line.as_bytes(), peer);
        let _ = ends(&rest, peer);
    }
}
