//! Bytes beyond a device's rate wait and arrive whole; nothing is dropped.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::thread;

use fleetgate_tests::byte_origin::ByteOrigin;
use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::stream_site::StreamSite;
use serde_json::json;

const LIMITED: &str = "fleetgate_device_limited_total";

/// Of a device that sends or is sent this much, some has to wait at [`RATE`], on the slowest machine.
const MUCH: usize = 512 << 10;
const RATE: &str = "{ bytes = \"512KiB/s burst 1KiB\" }";

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

fn waits(gateway: &Gateway, limit: &str) -> u64 {
    gateway.metric(LIMITED, &[("host", HOST), ("limit", limit)])
}

fn limited(host: Host) -> Host {
    host.line(&format!("limit = {RATE}"))
}

#[test]
fn a_request_body_waits_and_arrives_whole() {
    let site = Site::new();
    let setup = site.untrusting().replace("origin = ", &format!("limit = {RATE}\norigin = "));
    let gateway = Gateway::start(setup.trust("devices", &site.devices.path, &[HOST]));
    let mut device = site.client().connect(gateway.address(), HOST).unwrap();
    device.send(&format!("POST /up HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {MUCH}\r\n\r\n")).unwrap();
    device.write(&pattern(MUCH)).unwrap();
    let response = device.receive().unwrap();
    assert_eq!((response.status(), &response.json()["body_length"]), (200, &json!(MUCH)));
    assert!(site.origin.requests()[0].body == pattern(MUCH));
    assert!(waits(&gateway, "bytes_received") > 0);
    assert_eq!(waits(&gateway, "bytes_sent"), 0);
}

/// A gateway whose HTTP origin is a test, and limits its devices.
fn in_front_of(site: &Site, origin: &ByteOrigin) -> Gateway {
    let host = limited(Host::new(HOST, &site.server, &format!("http://{}", origin.address())));
    let setup = fleetgate_tests::gateway::Setup::default().host(host).devices_only(HOST);
    Gateway::start(setup.trust("devices", &site.devices.path, &[HOST]))
}

/// Answers each request, on one connection, with much.
fn answer_much(origin: &ByteOrigin) {
    let mut connection = origin.accept();
    let mut head = [0; 4096];
    assert!(connection.read(&mut head).unwrap() > 0);
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
    connection.write_all(response.as_bytes()).unwrap();
    connection.write_all(&pattern(MUCH)).unwrap();
}

#[test]
fn a_response_body_waits_and_arrives_whole() {
    let (site, origin) = (Site::new(), ByteOrigin::start());
    let gateway = in_front_of(&site, &origin);
    thread::scope(|scope| {
        scope.spawn(|| answer_much(&origin));
        let mut device = site.client().connect(gateway.address(), HOST).unwrap();
        assert!(device.get(HOST, "/down").unwrap().body == pattern(MUCH));
    });
    assert!(waits(&gateway, "bytes_sent") > 0);
    assert_eq!(waits(&gateway, "bytes_received"), 0);
}

#[test]
fn so_do_those_of_http2() {
    let site = Site::new();
    let setup = site.untrusting().replace("origin = ", &format!("limit = {RATE}\norigin = "));
    let gateway = Gateway::start(setup.trust("devices", &site.devices.path, &[HOST]));
    let Some(client) = site.http2(gateway.address()) else { return };
    // Together as much as the first window of HTTP/2 takes.
    let body = "x".repeat(16_000);
    let request = json!({ "authority": HOST, "path": "/up", "method": "POST", "body": body });
    let answers = client.requests(&json!(vec![request; 4]));
    assert!(answers.iter().all(|answer| answer["status"] == 200 && answer["ended"] == true), "{answers:?}");
    assert!(site.origin.requests().iter().all(|request| request.body.len() == 16_000));
    assert!(waits(&gateway, "bytes_received") > 0);
}

#[test]
fn a_stream_waits_both_ways_and_arrives_whole() {
    let scene = StreamSite::new();
    let gateway = Gateway::start(scene.setup_with(limited(scene.host())));
    let (mut device, mut origin) = scene.connect(&gateway);
    let echo = thread::spawn(move || {
        let mut received = Vec::new();
        origin.read_to_end(&mut received).unwrap();
        origin.write_all(&received).unwrap();
        origin.shutdown(Shutdown::Write).unwrap();
    });
    device.write(&pattern(MUCH)).unwrap();
    device.finish().unwrap();
    assert!(device.read_to_end().unwrap() == pattern(MUCH));
    echo.join().unwrap();
    for limit in ["bytes_received", "bytes_sent"] {
        assert!(waits(&gateway, limit) > 0, "{limit}");
    }
    let end = gateway.output().wait_access("the end", |line| line["event"] == "stream_end");
    assert_eq!((&end["received"], &end["sent"]), (&json!(MUCH), &json!(MUCH)));
}

#[test]
fn what_one_connection_moves_the_next_of_the_same_device_waits_for() {
    let scene = StreamSite::new();
    // 64 KiB take 16 s: whatever the machine does, the second has to wait, and nobody waits for it.
    let host = scene.host().line("limit = { bytes = \"4KiB/s burst 1KiB\" }");
    let gateway = Gateway::start(scene.setup_with(host));
    let (mut first, mut origin) = scene.connect(&gateway);
    first.write(&pattern(64 << 10)).unwrap();
    assert!(origin.read(&mut [0; 1024]).unwrap() > 0);
    let before = waits(&gateway, "bytes_received");
    let (mut second, _origin) = scene.connect(&gateway);
    second.write(b"x").unwrap();
    gateway.wait_metric(LIMITED, &[("host", HOST), ("limit", "bytes_received")], before + 1);
    let another = scene.site.anonymous().identity(&scene.site.devices.device("device-2"));
    let (mut other, mut origin) = scene.connect_as(&another, &gateway);
    other.write(b"y").unwrap();
    origin.read_exact(&mut [0]).unwrap();
}

#[test]
fn a_message_of_mqtt_waits_and_reaches_its_broker_whole() {
    let scene = StreamSite::new();
    let gateway = Gateway::start(scene.setup_with(limited(scene.host()).line("[host.mqtt]")));
    let mut device = scene.site.client().connect(gateway.address(), HOST).unwrap();
    let connect = b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01x";
    device.write(connect).unwrap();
    let mut broker = scene.origin.accept();
    // PUBLISH: its remaining length is 3 + 1 + 99,996 = 100,000, in the base of 128.
    let mut publish = b"\x30\xa0\x8d\x06\0\x01t\0".to_vec();
    publish.extend(pattern(99_996));
    device.write(&publish).unwrap();
    let mut received = vec![0; connect.len() + publish.len()];
    broker.read_exact(&mut received).unwrap();
    assert!(received == [connect.as_slice(), &publish].concat());
    assert!(waits(&gateway, "bytes_received") > 0);
}
