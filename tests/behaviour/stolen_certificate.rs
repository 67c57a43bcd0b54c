//! A certificate is public: without its key it opens nothing, and leaves nothing in the verdict cache.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};

fn assert_worthless(site: &Site, gateway: &Gateway) {
    let thief = site.anonymous().stolen(&site.device, &site.devices.device("thief"));
    for client in [thief.clone(), thief.tls12()] {
        // With TLS 1.3 the server's verdict comes after our side is done.
        let answer =
            client.connect(gateway.address(), HOST).and_then(|mut connection| connection.get(HOST, "/"));
        assert!(answer.is_err(), "{answer:?}");
    }
    let failed = [("host", HOST), ("result", "error"), ("reason", "key_proof_failed")];
    gateway.wait_metric("fleetgate_handshakes_total", &failed, 2);
}

#[test]
fn a_thief_is_refused_and_remembered_as_nobody() {
    for client_auth in ["access", "require"] {
        let site = Site::new();
        let host = Setup::default().host(site.host().client_auth(client_auth));
        let gateway = Gateway::start(host.devices_only(HOST).trust("devices", &site.devices.path, &[HOST]));
        assert_worthless(&site, &gateway);
        assert_eq!(gateway.status()["verdict_cache"]["entries"], 0);
    }
}

#[test]
fn the_cached_verdict_of_the_device_does_not_help_a_thief() {
    let site = Site::new();
    let gateway = site.start();
    assert_eq!(site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
    assert_eq!(gateway.status()["verdict_cache"]["entries"], 1);
    assert_worthless(&site, &gateway);
    assert_eq!(site.origin.requests().len(), 1);
}
