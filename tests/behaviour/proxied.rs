//! Behind a balancer that says so, the source of a connection is the one that it names; nobody else may name one.

use std::fmt::Write as _;
use std::io::Read as _;
use std::net::TcpStream;
use std::process::{Child, Command};

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::{skip, wait};
use tempfile::TempDir;

const SOURCE: &str = "192.0.2.9:4000";
const HEADER: &[u8] = b"PROXY TCP4 192.0.2.9 198.51.100.1 4000 8443\r\n";

fn behind_loopback(setup: Setup) -> Setup {
    setup.listener("proxy_protocol = true\ntrusted = [\"127.0.0.0/8\"]")
}

#[test]
fn the_named_source_is_what_the_log_and_the_origin_have() {
    let site = Site::new();
    let gateway = Gateway::start(behind_loopback(site.setup()));
    let mut connection = site.client().connect_behind(HEADER, gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    gateway
        .output()
        .wait_access("the request", |line| line["event"] == "request" && line["source"] == SOURCE);
    let headers = &site.origin.requests()[0].headers;
    let expected = ("x-forwarded-for".to_owned(), "192.0.2.9".to_owned());
    assert!(
        headers.iter().any(|(name, value)| (name.to_lowercase(), value.clone()) == expected),
        "{headers:?}"
    );
}

#[test]
fn limits_count_the_named_source() {
    let site = Site::new();
    let limits = "syn_per_source = \"1/s burst 1\"\nhello_per_source = \"off\"\nhello_per_host = \"off\"";
    let gateway = Gateway::start(behind_loopback(site.setup().table("xdp.limit", limits)));
    for host in 1..9 {
        let header = format!("PROXY TCP4 192.0.2.{host} 198.51.100.1 4000 8443\r\n");
        assert!(site.client().connect_behind(header.as_bytes(), gateway.address(), HOST).is_ok(), "{host}");
    }
    let from_one = || site.client().connect_behind(HEADER, gateway.address(), HOST).is_ok();
    wait::until("a connection that is too many", || (!from_one()).then_some(()));
    assert!(gateway.metric("fleetgate_limited_connections_total", &[("limit", "syn_per_source")]) > 0);
}

#[test]
fn who_is_not_trusted_or_says_nothing_is_not_served() {
    let site = Site::new();
    let untrusting =
        Gateway::start(site.setup().listener("proxy_protocol = true\ntrusted = [\"10.0.0.0/8\"]"));
    assert!(site.client().connect_behind(HEADER, untrusting.address(), HOST).is_err());
    let refused = |reason| [("host", "other"), ("result", "error"), ("reason", reason)];
    untrusting.wait_metric("fleetgate_handshakes_total", &refused("proxy_untrusted"), 1);

    let gateway = Gateway::start(behind_loopback(site.setup().table("timeout", "handshake = \"500ms\"")));
    assert!(site.client().connect(gateway.address(), HOST).is_err());
    gateway.wait_metric("fleetgate_handshakes_total", &refused("proxy_malformed"), 1);
    let mut silent = TcpStream::connect(gateway.address()).unwrap();
    silent.set_read_timeout(Some(wait::DEADLINE)).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    gateway.wait_metric("fleetgate_handshakes_total", &refused("proxy_timeout"), 1);
    gateway.output().wait_access("the refusal", |line| {
        line["event"] == "handshake" && line["reason"] == "proxy_timeout" && line["host"] == "other"
    });
}

/// `haproxy`. It is killed when the test is over, however it ends.
struct Balancer {
    process: Child,
    _folder: TempDir,
    ports: [u16; 2],
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Balancer {
    /// Starts one with a port for each version.
    fn start(gateway: &Gateway) -> Self {
        let ports = [0; 2].map(|_| {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        });
        let mut text =
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n".to_owned();
        for (port, word) in ports.iter().zip(["send-proxy", "send-proxy-v2"]) {
            let server = format!("server gateway {} {word}", gateway.address());
            let _ = writeln!(text, "listen {word}\n bind 127.0.0.1:{port}\n {server}");
        }
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, text).unwrap();
        let process = Command::new("haproxy").args(["-db", "-q", "-f"]).arg(file).spawn().unwrap();
        let balancer = Self { process, _folder: folder, ports };
        for port in ports {
            wait::until("HAProxy", || TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        }
        balancer
    }
}

#[test]
fn haproxy_is_understood_in_both_versions() {
    if !skip::unless_installed("haproxy") {
        return;
    }
    let site = Site::new();
    let gateway = Gateway::start(behind_loopback(site.setup()));
    let balancer = Balancer::start(&gateway);
    for port in balancer.ports {
        let mut connection = site.client().connect(([127, 0, 0, 1], port).into(), HOST).unwrap();
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
        let source = connection.local_address().to_string();
        gateway.output().wait_access("the device", |line| line["source"] == source);
    }
}
