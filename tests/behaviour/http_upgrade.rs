//! A connection is switched to another protocol only where device, host and origin agree on it; before that, no byte goes
//! on that is not part of a request.

use std::io::{Read as _, Write as _};

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::raw_site::{OK, RawSite, answer, head};
use fleetgate_tests::site::{HOST, Site};
use serde_json::json;

const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

fn request(head: &str) -> String {
    format!("GET /feed HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n")
}

fn websocket() -> String {
    request("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n")
}

#[test]
fn bytes_go_on_only_once_the_origin_has_switched() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup());
    let mut device = scene.connect(&gateway);
    // A device that cannot wait.
    device.send(&(websocket() + "early")).unwrap();
    let mut origin = scene.origin.accept();
    let head = head(&mut origin);
    for line in ["connection: upgrade\r\n", "upgrade: websocket\r\n"] {
        assert_eq!(head.matches(line).count(), 1, "{head}");
    }
    assert!(!head.contains("keep-alive"), "{head}");
    origin.set_nonblocking(true).unwrap();
    assert!(origin.read(&mut [0]).is_err(), "nothing comes before the answer");
    origin.set_nonblocking(false).unwrap();

    origin.write_all((SWITCHING.to_owned() + "welcome").as_bytes()).unwrap();
    let answer = answer(&mut device);
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    for line in ["connection: upgrade\r\n", "upgrade: websocket\r\n"] {
        assert_eq!(answer.matches(line).count(), 1, "{answer}");
    }
    assert_eq!(device.read(7).unwrap(), b"welcome");
    let mut early = [0; 5];
    origin.read_exact(&mut early).unwrap();
    assert_eq!(&early, b"early");
    device.finish().unwrap();
    assert_eq!(origin.read(&mut [0]).unwrap(), 0);
    drop(origin);
    assert_eq!(device.read_to_end().unwrap(), b"");
}

#[test]
fn any_other_answer_is_an_answer_like_any_other() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup());
    let mut device = scene.connect(&gateway);
    // What comes behind the request is the next one, and is decided about by the gateway.
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: other.example.com\r\n\r\n";
    device.send(&(websocket() + smuggled)).unwrap();
    let mut origin = scene.origin.accept();
    head(&mut origin);
    origin.write_all(OK.as_bytes()).unwrap();
    assert_eq!(device.receive().unwrap().text(), "ok");
    assert_eq!(device.receive().unwrap().status(), 421);
    origin.set_nonblocking(true).unwrap();
    assert!(origin.read(&mut [0]).is_err(), "the origin sees nothing of it, and its connection is kept");
    origin.set_nonblocking(false).unwrap();
    device.send(&request("")).unwrap();
    head(&mut origin);
    origin.write_all(OK.as_bytes()).unwrap();
    assert_eq!(device.receive().unwrap().text(), "ok");
    assert_eq!(gateway.metrics().sum("fleetgate_streams_total", &[]), 0);
}

#[test]
fn what_is_no_permitted_upgrade_is_a_request_like_any_other() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup());
    let heads = [
        "Upgrade: websocket\r\n",
        "Connection: keep-alive\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: tcp\r\n",
    ];
    let mut device = scene.connect(&gateway);
    let mut origin = None;
    for lines in heads {
        device.send(&request(lines)).unwrap();
        let origin = origin.get_or_insert_with(|| scene.origin.accept());
        let head = head(origin);
        assert!(!head.contains("upgrade:") && !head.contains("connection:"), "{head}");
        origin.write_all(OK.as_bytes()).unwrap();
        assert_eq!(device.receive().unwrap().text(), "ok");
    }
}

#[test]
fn an_upgrade_with_a_body_is_none() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup());
    let mut device = scene.connect(&gateway);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    device.send(&(request(&format!("{upgrade}Content-Length: 4\r\n")) + "body")).unwrap();
    let mut origin = scene.origin.accept();
    let head = head(&mut origin);
    assert!(!head.contains("upgrade:") && head.contains("content-length: 4\r\n"), "{head}");
}

#[test]
fn a_switch_that_was_not_asked_for_is_an_error_of_the_origin() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup());
    let other = SWITCHING.replace("websocket", "h2c");
    for (asked, said) in [(request(""), SWITCHING), (websocket(), &other)] {
        let mut device = scene.connect(&gateway);
        device.send(&asked).unwrap();
        let mut origin = scene.origin.accept();
        head(&mut origin);
        origin.write_all(said.as_bytes()).unwrap();
        assert_eq!(device.receive().unwrap().status(), 502);
        assert_eq!(origin.read(&mut [0]).unwrap(), 0, "its connection is closed");
    }
    gateway.wait_metric("fleetgate_origin_errors_total", &[("host", HOST), ("reason", "origin_switched")], 2);
}

#[test]
fn another_protocol_is_permitted_by_its_name() {
    let scene = RawSite::new();
    let gateway = Gateway::start(scene.setup().replace("origin = ", "upgrades = [\"x-own/2\"]\norigin = "));
    let mut device = scene.connect(&gateway);
    device.send(&request("Connection: Upgrade\r\nUpgrade: x-own/2\r\n")).unwrap();
    let mut origin = scene.origin.accept();
    assert!(head(&mut origin).contains("upgrade: x-own/2\r\n"));
    origin.write_all(SWITCHING.replace("websocket", "X-Own/2").as_bytes()).unwrap();
    assert!(answer(&mut device).starts_with("http/1.1 101 "));
    device.write(b"\x00\xff").unwrap();
    let mut bytes = [0; 2];
    origin.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, [0, 0xff]);
}

#[test]
fn http2_switches_to_nothing() {
    let site = Site::new();
    let gateway = site.start();
    let Some(client) = site.http2(gateway.address()) else { return };
    let upgrade = json!([["connection", "upgrade"], ["upgrade", "websocket"]]);
    let extended = json!([[":protocol", "websocket"]]);
    for request in [
        json!({ "authority": HOST, "headers": upgrade }),
        json!({ "authority": HOST, "method": "CONNECT", "headers": extended }),
    ] {
        let answer = &client.requests(&json!([request]))[0];
        assert!(!answer["reset"].is_null() || answer["status"].is_null(), "{request}: {answer}");
    }
    assert_eq!(site.origin.requests().len(), 0);
}
