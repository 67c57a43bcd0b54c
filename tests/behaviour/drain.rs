//! SIGTERM drains: what is under way finishes, nothing new begins, and the exit status is 0.

use std::net::TcpStream;

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::origin::HELD;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use nix::sys::signal::Signal;

#[test]
fn a_request_under_way_finishes_and_new_connections_are_refused() {
    let site = Site::new();
    let mut gateway = site.start();
    let mut idle = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(idle.get(HOST, "/").unwrap().status(), 200);
    let mut busy = site.client().connect(gateway.address(), HOST).unwrap();
    busy.send(&format!("GET {HELD} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    wait::until("the request at its origin", || (site.origin.requests().len() == 2).then_some(()));

    gateway.signal(Signal::SIGTERM);
    wait::until("a refused connection", || TcpStream::connect(gateway.address()).is_err().then_some(()));
    let ready = gateway.probe("/readyz").unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().contains("draining"), "{}", ready.text());
    assert_eq!(gateway.status()["draining"], true);
    assert!(idle.receive().is_err(), "an idle connection is closed");

    site.origin.release();
    assert_eq!(busy.receive().unwrap().status(), 200);
    assert!(busy.receive().is_err(), "its connection is closed after it");
    assert_eq!(gateway.wait().code(), Some(0));
    let log = gateway.output().whole_access_log();
    assert!(log.iter().any(|line| line["path"] == HELD && line["status"] == 200), "{log:?}");
    assert!(!gateway.admin_socket().exists());
}

#[test]
fn what_does_not_finish_is_closed_at_the_deadline() {
    let site = Site::new();
    let mut gateway = Gateway::start(site.setup().table("timeout", "drain = \"200ms\""));
    let mut busy = site.client().connect(gateway.address(), HOST).unwrap();
    busy.send(&format!("GET {HELD} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    wait::until("the request at its origin", || site.origin.requests().pop());
    gateway.signal(Signal::SIGTERM);
    assert_eq!(gateway.wait().code(), Some(0));
    gateway.output().wait_log("drain deadline passed");
    assert!(busy.receive().is_err());
}

#[test]
fn a_second_signal_closes_what_is_still_open() {
    let site = Site::new();
    let mut gateway = site.start();
    let mut busy = site.client().connect(gateway.address(), HOST).unwrap();
    busy.send(&format!("GET {HELD} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    wait::until("the request at its origin", || site.origin.requests().pop());
    gateway.signal(Signal::SIGTERM);
    gateway.output().wait_log("draining");
    gateway.signal(Signal::SIGTERM);
    assert_eq!(gateway.wait().code(), Some(0));
    gateway.output().wait_log("stopped again");
    assert!(busy.receive().is_err());
}
