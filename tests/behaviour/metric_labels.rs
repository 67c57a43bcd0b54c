//! Metrics have a bounded number of series: nothing that a peer chooses becomes a label.

use fleetgate_tests::client::Raw;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use fleetgate_tests::xdp::hello;

/// One of everything that a peer can choose: a name, a host, a method, a path, a certificate.
fn visit(site: &Site, gateway: &Gateway, number: usize) {
    Raw::connect(gateway.address())
        .send(&[&hello::from_rustls(&format!("name-{number}.example.com"))])
        .read_to_end();
    let stranger = Ca::root(&format!("Root {number}")).device(&format!("device-{number}"));
    let mut denied = site.anonymous().identity(&stranger).connect(gateway.address(), HOST).unwrap();
    assert_eq!(denied.get(HOST, &format!("/path-{number}")).unwrap().status(), 403);
    let device = site.devices.device(&format!("device-{number}"));
    let mut connection = site.anonymous().identity(&device).connect(gateway.address(), HOST).unwrap();
    let request = format!("METHOD{number} /path-{number}?{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    assert_eq!(connection.exchange(&request).unwrap().status(), 200);
    assert_eq!(connection.get(&format!("host-{number}.example.com"), "/").unwrap().status(), 421);
}

#[test]
fn what_peers_choose_does_not_grow_the_number_of_series() {
    let site = Site::new();
    let gateway = site.start();
    let visited = |times: u32| {
        let unknown = [("host", "other"), ("result", "error"), ("reason", "unknown_sni")];
        gateway.wait_metric("fleetgate_handshakes_total", &unknown, times.into());
        wait::until("closed connections", || (gateway.status()["connections"] == 0).then_some(()));
        gateway.metrics().series().cloned().collect::<Vec<_>>()
    };
    visit(&site, &gateway, 0);
    let before = visited(1);
    (1..30).for_each(|number| visit(&site, &gateway, number));
    assert_eq!(visited(30), before);
}
