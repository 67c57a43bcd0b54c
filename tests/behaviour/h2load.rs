//! nghttp2's load generator, which shares no code with us: every request over many streams and connections is answered.
//! It has no client certificates, so its host asks for none.

use std::process::Command;

use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::site::Site;
use fleetgate_tests::skip;

const OPEN: &str = "open.example.com";

#[test]
fn every_request_over_many_streams_is_answered() {
    if !skip::unless_installed("h2load") {
        return;
    }
    let site = Site::new();
    let host = Host::new(OPEN, &site.servers.server(&[OPEN]), &site.origin.url()).client_auth("none");
    let limits = "hello_per_source = \"off\"\nsyn_per_source = \"off\"";
    let gateway = Gateway::start(site.setup().host(host).table("xdp.limit", limits));
    for (version, protocol) in [("2", "--npn-list=h2"), ("1.1", "--h1")] {
        let output = Command::new("h2load")
            .args(["--requests=2000", "--clients=20", "--max-concurrent-streams=16", protocol])
            .arg(format!("--connect-to={}", gateway.address()))
            .arg(format!("https://{OPEN}/load"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let expected = "2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout";
        assert!(said.contains(expected), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let connections = [("host", OPEN), ("version", version)];
        gateway.wait_metric("fleetgate_http_connections_total", &connections, 20);
    }
    assert_eq!(gateway.metric("fleetgate_requests_total", &[("host", OPEN), ("status", "2xx")]), 4000);
}
