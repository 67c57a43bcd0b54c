//! An origin that fails is the gateway's answer (502, 504), with its reason logged and counted; one that works is
//! spoken to over few connections.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::origin::{BREAK_OFF, BREAK_OFF_IN_BODY, GIBBERISH, HELD};
use fleetgate_tests::site::{HOST, Site};

fn assert_failure(site: &Site, gateway: &Gateway, path: &str, status: u16, reason: &str) {
    let curl = || site.curl(gateway.address(), path).identity(&site.device);
    let page = curl().response();
    assert_eq!(
        (page.status(), page.header("content-type")),
        (status, Some("text/html; charset=utf-8")),
        "{path}"
    );
    let json = curl().header("Accept: application/json").response().json();
    assert_eq!(json["status_code"], status);
    let line = gateway.output().wait_access(reason, |line| line["ray_id"] == json["ray_id"]);
    assert_eq!((&line["reason"], &line["decision"]), (&reason.into(), &"permit".into()));
    gateway.wait_metric("fleetgate_origin_errors_total", &[("host", HOST), ("reason", reason)], 2);
}

fn elsewhere(site: &Site, origin: &str) -> Setup {
    site.setup().replace(&site.origin.url(), origin)
}

#[test]
fn one_that_is_down() {
    let site = Site::new();
    // Nobody listens on port 1.
    let gateway = Gateway::start(elsewhere(&site, "http://127.0.0.1:1"));
    assert_failure(&site, &gateway, "/", 502, "origin_connect");
    gateway.output().wait_log("cannot connect to http://127.0.0.1:1");
}

#[test]
fn one_that_breaks_off_or_speaks_something_else() {
    let site = Site::new();
    let gateway = site.start();
    for path in [BREAK_OFF, GIBBERISH] {
        let gateway_of_its_own = site.start();
        assert_failure(&site, &gateway_of_its_own, path, 502, "origin_protocol");
    }
    // The head is on its way already: the client must see that the body is not whole.
    let failed = site.curl(gateway.address(), BREAK_OFF_IN_BODY).identity(&site.device).run().unwrap_err();
    assert_eq!(failed.code, 18, "{failed:?}");
    let broken = [("host", HOST), ("reason", "origin_broke_off")];
    gateway.wait_metric("fleetgate_connection_errors_total", &broken, 1);
}

#[test]
fn one_that_does_not_answer() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("timeout", "origin_response = \"200ms\""));
    assert_failure(&site, &gateway, HELD, 504, "origin_response_timeout");
}

#[test]
fn connections_are_kept_and_one_that_the_origin_closed_costs_no_request() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("server", "workers = 1"));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    for _ in 0..5 {
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
    assert_eq!(site.origin.connections(), 1);
    // The origin closes behind this one; the next goes over a new connection.
    assert!(connection.get(HOST, BREAK_OFF).is_ok_and(|response| response.status() == 502));
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn bodies_pass_both_ways() {
    let site = Site::new();
    let gateway = site.start();
    let body = "x".repeat(300_000);
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let head = format!("PUT /upload HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n", body.len());
    let response = connection.exchange(&(head + &body)).unwrap();
    assert_eq!((response.status(), &response.json()["body_length"]), (200, &300_000.into()));
    let chunked = format!(
        "POST /upload HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
    );
    assert_eq!(connection.exchange(&chunked).unwrap().json()["body_length"], 4);
}
