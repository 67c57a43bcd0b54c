//! A client that takes too long is let go, and counted.

use fleetgate_tests::client::Raw;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use fleetgate_tests::xdp::hello;

#[test]
fn a_hello_that_does_not_come_or_stops_half_way() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("timeout", "handshake = \"200ms\""));
    let hello = hello::from_rustls(HOST);
    let silent = Raw::connect(gateway.address());
    let half = Raw::connect(gateway.address()).send(&[&hello[..hello.len() / 2]]);
    // Its handshake is under way: the server has answered, and waits.
    let stuck = Raw::connect(gateway.address()).send(&[&hello]);
    assert!(silent.read_to_end().is_empty());
    assert!(half.read_to_end().is_empty());
    assert_eq!(stuck.read_to_end().first(), Some(&22));
    let timed_out = [("host", "other"), ("result", "error"), ("reason", "timeout")];
    gateway.wait_metric("fleetgate_handshakes_total", &timed_out, 3);
    gateway
        .output()
        .wait_access("a late handshake", |line| line["event"] == "handshake" && line["reason"] == "timeout");
    wait::until("closed connections", || (gateway.status()["connections"] == 0).then_some(()));
}

#[test]
fn a_request_head_that_does_not_come_or_stops_half_way() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("timeout", "request_header = \"200ms\""));
    for begun in ["", "GET / HTTP/1.1\r\nHost: iot"] {
        let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
        connection.send(begun).unwrap();
        assert!(connection.receive().map_or(true, |response| response.status() == 408), "{begun}");
    }
    let timed_out = [("host", HOST), ("reason", "request_header_timeout")];
    gateway.wait_metric("fleetgate_connection_errors_total", &timed_out, 1);
}

#[test]
fn a_head_beyond_its_bound() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("server", "max_request_header = 8192"));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let long = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Long: {}\r\n\r\n", "x".repeat(20_000));
    assert!(connection.exchange(&long).map_or(true, |response| response.status() == 431));
    let too_large = [("host", HOST), ("reason", "header_too_large")];
    gateway.wait_metric("fleetgate_connection_errors_total", &too_large, 1);
    assert_eq!(site.origin.connections(), 0);
}
