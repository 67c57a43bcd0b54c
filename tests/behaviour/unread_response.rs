//! A device that does not read what it asked for is let go, and its origin with it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use fleetgate_tests::byte_origin::ByteOrigin;
use fleetgate_tests::gateway::{Gateway, Host, Setup};
use fleetgate_tests::python;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use serde_json::Value;

const HITS: &str = "fleetgate_body_limit_hits_total";
const UNREAD: [(&str, &str); 2] = [("host", HOST), ("limit", "response_write")];

/// More than all buffers on the way hold.
const MUCH: usize = 64 << 20;

fn answer(connection: &mut TcpStream, length: usize) -> std::io::Result<()> {
    let mut head = [0; 4096];
    assert!(connection.read(&mut head)? > 0);
    write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
    connection.write_all(&vec![b'x'; length])
}

#[test]
fn over_http11_its_connection_ends() {
    let (site, origin) = (Site::new(), ByteOrigin::start());
    let host = Host::new(HOST, &site.server, &format!("http://{}", origin.address()));
    let setup = Setup::default().host(host).devices_only(HOST).trust("devices", &site.devices.path, &[HOST]);
    let gateway = Gateway::start(setup.table("timeout", "response_write = \"500ms\""));
    let sending = thread::spawn(move || answer(&mut origin.accept(), MUCH));
    let mut device = site.client().connect(gateway.address(), HOST).unwrap();
    device.send(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap();
    gateway.wait_metric(HITS, &UNREAD, 1);
    wait::until("a closed connection", || (gateway.status()["connections"] == 0).then_some(()));
    assert!(sending.join().unwrap().is_err(), "the origin hears of it");
}

#[test]
fn over_http2_too_where_a_stream_never_has_a_window() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("timeout", "response_write = \"300ms\""));
    let Some(client) = site.http2(gateway.address()) else { return };
    let stream: Value = serde_json::from_str(&python::output(&mut client.command(&["unread"]))).unwrap();
    assert_eq!((&stream["status"], &stream["ended"]), (&200.into(), &false.into()), "{stream}");
    assert_eq!(gateway.metric(HITS, &UNREAD), 1);
}

#[test]
fn who_waits_for_its_origin_is_not_let_go() {
    let (site, origin) = (Site::new(), ByteOrigin::start());
    let host = Host::new(HOST, &site.server, &format!("http://{}", origin.address()));
    let setup = Setup::default().host(host).devices_only(HOST).trust("devices", &site.devices.path, &[HOST]);
    let gateway = Gateway::start(setup.table("timeout", "response_write = \"200ms\""));
    let sending = thread::spawn(move || {
        let mut connection = origin.accept();
        assert!(connection.read(&mut [0; 4096])? > 0);
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx")?;
        // Several times as long as a device may leave a response unread.
        thread::sleep(std::time::Duration::from_secs(1));
        connection.write_all(b"y")
    });
    let mut device = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(device.get(HOST, "/").unwrap().text(), "xy");
    sending.join().unwrap().unwrap();
    assert_eq!(gateway.metrics().sum(HITS, &[]), 0);
}
