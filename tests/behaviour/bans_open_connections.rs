//! A ban that userspace enforces ends what its source has open, of every kind and without being asked anything, and nothing of whoever
//! is beside it.

use std::io::Read as _;

use fleetgate_tests::client::{Connection, Raw};
use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::site::HOST;
use fleetgate_tests::stream_site::StreamSite;
use fleetgate_tests::xdp::hello;

const OFFENDER: &str = "192.0.2.9";
const NEIGHBOUR: &str = "192.0.2.8";
const HTTP: &str = "http.example.com";
const THROUGH: &str = "through.example.com";

/// A gateway behind a balancer, with a host of each kind.
fn start(scene: &StreamSite) -> Gateway {
    let http = scene.site.servers.server(&[HTTP]);
    let http = Host::new(HTTP, &http, &scene.site.origin.url()).client_auth("none");
    let through =
        format!("name = {THROUGH:?}\nprotocol = \"passthrough\"\norigin = {:?}", scene.origin.url());
    let setup = scene.setup_with(scene.host()).host(http).array("host", through);
    Gateway::start(setup.listener("proxy_protocol = true\ntrusted = [\"127.0.0.0/8\"]"))
}

/// What a balancer says of a source.
fn header(source: &str) -> Vec<u8> {
    format!("PROXY TCP4 {source} 198.51.100.1 4000 8443\r\n").into_bytes()
}

fn connect(scene: &StreamSite, gateway: &Gateway, source: &str, name: &str) -> Connection {
    scene.site.client().connect_behind(&header(source), gateway.address(), name).unwrap()
}

#[test]
fn streams_and_http_of_a_banned_source_end_and_those_beside_it_go_on() {
    let scene = StreamSite::new();
    let gateway = start(&scene);
    let stream = |source| (connect(&scene, &gateway, source, HOST), scene.origin.accept());
    let ((mut offender, mut its_origin), (mut neighbour, mut other_origin)) =
        (stream(OFFENDER), stream(NEIGHBOUR));
    let through = Raw::connect(gateway.address()).send(&[&header(OFFENDER), &hello::classic(THROUGH)]);
    let mut behind = scene.origin.accept();
    let mut http = connect(&scene, &gateway, OFFENDER, HTTP);
    assert_eq!(http.get(HTTP, "/").unwrap().status(), 200);

    assert_eq!(gateway.cli("ban", &["add", OFFENDER]).code, 0);
    assert_eq!(offender.read_to_end().unwrap(), b"");
    assert_eq!(its_origin.read(&mut [0]).unwrap(), 0, "and so does its origin's");
    assert!(through.read_to_end().is_empty());
    behind.read_to_end(&mut Vec::new()).unwrap();
    assert!(http.receive().is_err());
    for host in [HOST, THROUGH, HTTP] {
        gateway.wait_metric(
            "fleetgate_connections_terminated_total",
            &[("host", host), ("reason", "banned")],
            1,
        );
    }
    gateway.wait_metric("fleetgate_streams_total", &[("host", HOST), ("reason", "banned")], 1);

    neighbour.write(b"still here").unwrap();
    let mut heard = [0; 10];
    other_origin.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"still here");
}

#[test]
fn a_ban_from_one_host_ends_its_connections_alone() {
    let scene = StreamSite::new();
    let gateway = start(&scene);
    let mut stream = connect(&scene, &gateway, OFFENDER, HOST);
    let _origin = scene.origin.accept();
    let mut http = connect(&scene, &gateway, OFFENDER, HTTP);
    assert_eq!(http.get(HTTP, "/").unwrap().status(), 200);
    assert_eq!(gateway.cli("ban", &["add", OFFENDER, "--host", HOST]).code, 0);
    assert_eq!(stream.read_to_end().unwrap(), b"");
    assert_eq!(http.get(HTTP, "/").unwrap().status(), 200);
}
