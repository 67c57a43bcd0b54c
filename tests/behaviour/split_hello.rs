//! A ClientHello finds its host however it is cut: over TCP segments, over TLS records, byte by byte.

use fleetgate_tests::client::{Raw, handshake_record_splits};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::xdp::hello;

/// The type of the record that a server's hello comes in; an alert's is 21.
const HANDSHAKE: Option<u8> = Some(22);

#[test]
fn over_two_tcp_segments_at_every_position() {
    let site = Site::new();
    let gateway = site.start();
    let hello = hello::classic(HOST);
    for at in 1..hello.len() {
        let (head, tail) = hello.split_at(at);
        assert_eq!(
            Raw::connect(gateway.address()).send(&[head, tail]).record_type(),
            HANDSHAKE,
            "cut at {at}"
        );
    }
}

#[test]
fn over_two_tls_records_at_every_position() {
    let site = Site::new();
    let gateway = site.start();
    for (position, records) in handshake_record_splits(&hello::classic(HOST)).enumerate() {
        assert_eq!(
            Raw::connect(gateway.address()).send(&[&records]).record_type(),
            HANDSHAKE,
            "cut at {}",
            position + 1
        );
    }
}

#[test]
fn byte_by_byte_and_with_post_quantum_key_shares() {
    let site = Site::new();
    let gateway = site.start();
    let hello = hello::from_rustls(HOST);
    assert!(hello.len() > 1400, "it should not fit one segment");
    let bytes: Vec<_> = hello.chunks(1).collect();
    assert_eq!(Raw::connect(gateway.address()).send(&bytes).record_type(), HANDSHAKE);
    for records in handshake_record_splits(&hello).step_by(101) {
        assert_eq!(Raw::connect(gateway.address()).send(&[&records]).record_type(), HANDSHAKE);
    }
}
