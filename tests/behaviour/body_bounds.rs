//! A request's body that stands still, or is larger than it may be, costs nobody but its sender.

use fleetgate_tests::client::Connection;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::python;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use serde_json::{Value, json};

const HITS: &str = "fleetgate_body_limit_hits_total";
const IDLE: [(&str, &str); 2] = [("host", HOST), ("limit", "request_body")];
const SIZE: [(&str, &str); 2] = [("host", HOST), ("limit", "max_request_body")];

fn connect(site: &Site, gateway: &Gateway) -> Connection {
    site.client().connect(gateway.address(), HOST).unwrap()
}

fn impatient(site: &Site) -> Gateway {
    Gateway::start(site.setup().table("timeout", "request_body = \"300ms\""))
}

fn small(site: &Site) -> Gateway {
    Gateway::start(site.setup().table("server", "max_request_body = 10"))
}

#[test]
fn one_that_stands_still_is_a_408_and_the_end_of_its_connection() {
    let site = Site::new();
    let gateway = impatient(&site);
    for (framing, part) in [("Content-Length: 10", "123"), ("Transfer-Encoding: chunked", "3\r\n123\r\n")] {
        let mut device = connect(&site, &gateway);
        let request = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n{part}");
        assert_eq!(device.exchange(&request).unwrap().status(), 408, "{framing}");
        // Nothing could follow: where would the body end?
        let _ = device.read_to_end();
    }
    gateway.wait_metric(HITS, &IDLE, 2);
    gateway.output().wait_access("why", |line| line["reason"] == "request_body_timeout");
    assert_eq!(site.origin.requests().len(), 0);
    wait::until("closed connections", || (gateway.status()["connections"] == 0).then_some(()));
    assert_eq!(
        gateway.metrics().sum("fleetgate_origin_errors_total", &[]),
        0,
        "it is not the origin's fault"
    );
}

#[test]
fn on_http2_it_is_the_end_of_its_stream_alone() {
    let site = Site::new();
    let gateway = impatient(&site);
    let Some(client) = site.http2(gateway.address()) else { return };
    let answers: Value = serde_json::from_str(&python::output(&mut client.command(&["half", "3"]))).unwrap();
    assert_eq!((&answers[0]["status"], &answers[1]["status"]), (&json!(408), &json!(200)), "{answers}");
    assert_eq!(gateway.metric(HITS, &IDLE), 1);
}

#[test]
fn one_that_moves_may_take_its_time() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("timeout", "request_body = \"2s\""));
    let mut device = connect(&site, &gateway);
    device.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 12\r\n\r\n")).unwrap();
    // Longer than the bound in all, and within it between two bytes.
    for _ in 0..12 {
        std::thread::sleep(std::time::Duration::from_millis(400));
        device.write(b"x").unwrap();
    }
    let response = device.receive().unwrap();
    assert_eq!((response.status(), &response.json()["body_length"]), (200, &json!(12)));
}

#[test]
fn one_that_says_that_it_is_too_large_never_reaches_the_origin() {
    let site = Site::new();
    let gateway = small(&site);
    let head = |length: usize| format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n");
    let mut device = connect(&site, &gateway);
    assert_eq!(device.exchange(&format!("{}0123456789", head(10))).unwrap().status(), 200);
    let refused = device.exchange(&head(11)).unwrap();
    assert_eq!(refused.status(), 413, "{}", refused.text());
    gateway.output().wait_access("why", |line| line["reason"] == "request_body_too_large");
    assert_eq!((site.origin.requests().len(), gateway.metric(HITS, &SIZE)), (1, 1));
}

#[test]
fn one_that_becomes_too_large_ends_there() {
    let site = Site::new();
    let gateway = small(&site);
    let chunks = |last: &str| format!("5\r\n01234\r\n5\r\n56789\r\n{last}0\r\n\r\n");
    let request =
        |body: &str| format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let mut device = connect(&site, &gateway);
    assert_eq!(device.exchange(&request(&chunks(""))).unwrap().status(), 200);
    assert_eq!(device.exchange(&request(&chunks("1\r\nx\r\n"))).unwrap().status(), 413);
    assert_eq!((site.origin.requests().len(), gateway.metric(HITS, &SIZE)), (1, 1));
    let Some(client) = site.http2(gateway.address()) else { return };
    let post = |body: &str| json!({ "authority": HOST, "method": "POST", "body": body });
    let answers = client.requests(&json!([post("0123456789"), post("0123456789x")]));
    assert_eq!((&answers[0]["status"], &answers[1]["status"]), (&json!(200), &json!(413)), "{answers:?}");
}

#[test]
fn a_head_with_too_many_fields_is_a_431() {
    let site = Site::new();
    let gateway = site.start();
    let request = |count: usize| {
        let fields = "X-Field: y\r\n".repeat(count);
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n")
    };
    let mut device = connect(&site, &gateway);
    assert_eq!(device.exchange(&request(99)).unwrap().status(), 200);
    assert_eq!(device.exchange(&request(100)).unwrap().status(), 431);
    let too_large = [("host", HOST), ("reason", "header_too_large")];
    gateway.wait_metric("fleetgate_connection_errors_total", &too_large, 1);
    assert_eq!(site.origin.requests().len(), 1);
}
