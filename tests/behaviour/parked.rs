//! A connection that rests is taken out of HTTP, and nobody notices but its memory.

use std::io::{Read as _, Write as _};

use fleetgate_tests::byte_origin::ByteOrigin;
use fleetgate_tests::client::Connection;
use fleetgate_tests::gateway::{Gateway, Host, Setup};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use nix::libc;
use nix::sys::signal::Signal;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::Linger;

const PARKED: &str = "fleetgate_connections_parked";

/// A connection that has had a request and rests.
fn parked(site: &Site, gateway: &Gateway) -> Connection {
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    gateway.wait_metric(PARKED, &[], 1);
    connection
}

fn wait_awake(gateway: &Gateway) {
    wait::until("nobody rests", || (gateway.metric(PARKED, &[]) == 0).then_some(()));
}

#[test]
fn requests_after_a_rest_are_answered_one_by_one_and_pipelined() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = parked(&site, &gateway);
    assert_eq!(connection.get(HOST, "/again").unwrap().status(), 200);
    gateway.wait_metric(PARKED, &[], 1);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    connection.send(&(get("/one") + &get("/two"))).unwrap();
    for path in ["/one", "/two"] {
        assert!(connection.receive().unwrap().text().contains(path));
    }
}

#[test]
fn one_that_has_asked_for_nothing_yet_rests_too() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    gateway.wait_metric(PARKED, &[], 1);
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn a_head_that_comes_around_a_rest_is_read_whole() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = parked(&site, &gateway);
    connection.send("GET /slow HTTP/1.1\r\nHo").unwrap();
    wait_awake(&gateway);
    // It is taken out of HTTP and put back for as long as it waits.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    connection.send(&format!("st: {HOST}\r\n\r\n")).unwrap();
    assert!(connection.receive().unwrap().text().contains("/slow"));
}

#[test]
fn a_head_that_trickles_has_no_more_time_than_one_that_does_not() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("timeout", "request_header = \"3s\""));
    let mut connection = parked(&site, &gateway);
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: ");
    let sent = connection.send(&head).and_then(|()| {
        // Far beyond the limit, unless the gateway ends it.
        (0..600).try_for_each(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            connection.send("x")
        })
    });
    assert!(sent.is_err() || connection.receive().map_or(true, |answer| answer.status() == 408));
    let timed_out = [("host", HOST), ("reason", "request_header_timeout")];
    gateway.wait_metric("fleetgate_connection_errors_total", &timed_out, 1);
}

#[test]
fn one_that_rests_too_long_is_let_go() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("timeout", "request_header = \"2s\""));
    let mut connection = parked(&site, &gateway);
    assert!(connection.receive().is_err());
    wait::until("closed connections", || (gateway.status()["connections"] == 0).then_some(()));
    wait_awake(&gateway);
}

#[test]
fn one_that_is_reset_is_gone_and_counted() {
    let site = Site::new();
    let gateway = site.start();
    let connection = parked(&site, &gateway);
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    setsockopt(connection.socket(), Linger, &at_once).unwrap();
    drop(connection);
    wait::until("closed connections", || (gateway.status()["connections"] == 0).then_some(()));
    gateway.wait_metric(
        "fleetgate_connection_errors_total",
        &[("host", HOST), ("reason", "connection_lost")],
        1,
    );
}

#[test]
fn one_that_loses_its_permit_is_closed() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = parked(&site, &gateway);
    gateway.configure(&site.untrusting());
    gateway.must_reload();
    assert!(connection.receive().is_err());
    let lost = [("host", HOST), ("reason", "unknown_issuer")];
    gateway.wait_metric("fleetgate_connections_terminated_total", &lost, 1);
}

#[test]
fn the_end_of_the_gateway_does_not_wait_for_it() {
    let site = Site::new();
    let mut gateway = site.start();
    let mut connection = parked(&site, &gateway);
    gateway.signal(Signal::SIGTERM);
    assert!(connection.receive().is_err());
    assert!(gateway.wait().success());
}

/// The origin answers before it has read the body. What comes of the body after the answer is never taken for a request,
/// however long the connection rests in between.
#[test]
fn a_body_that_is_still_to_come_is_no_request() {
    let (site, origin) = (Site::new(), ByteOrigin::start());
    let url = format!("http://{}", origin.address());
    let early = Host::new(HOST, &site.servers.server(&[HOST]), &url);
    let setup = Setup::default().host(early).trust("devices", &site.devices.path, &[HOST]);
    let gateway = Gateway::start(setup.devices_only(HOST));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    connection.send(&format!("POST /own HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4000\r\n\r\nx")).unwrap();
    let mut stream = origin.accept();
    let mut head = [0; 16384];
    assert_ne!(stream.read(&mut head).unwrap(), 0);
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    assert_eq!(connection.receive().unwrap().status(), 200);
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(gateway.metric(PARKED, &[]), 0);
    // It may be closed by now.
    let _ = connection.send(&format!("GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    let _ = connection.receive();
    let decisions = [("host", HOST), ("decision", "permit"), ("reason", "permit")];
    assert_eq!(gateway.metric("fleetgate_policy_decisions_total", &decisions), 1);
}
