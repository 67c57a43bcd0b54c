//! A reload acts on open connections too: what a connection was permitted before, its next request is not.

use fleetgate_tests::gateway::{Gateway, Host, Setup};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use nix::sys::signal::Signal;

#[test]
fn a_ca_that_is_taken_out_denies_the_next_request_and_one_that_comes_back_permits_it() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);

    gateway.configure(&site.untrusting());
    gateway.signal(Signal::SIGHUP);
    gateway.wait_metric("fleetgate_snapshot_generation", &[], 2);
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 403);
    gateway.output().wait_access("the denial", |line| {
        line["reason"] == "certificate_invalid" && line["certificate"] == "unknown_issuer"
    });
    assert_eq!(gateway.metric("fleetgate_trust_anchors", &[("host", HOST)]), 0);

    gateway.configure(&site.setup());
    gateway.must_reload();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    assert_eq!(gateway.status()["generation"], 3);
}

#[test]
fn a_ca_that_is_added_permits_a_device_that_is_connected_already() {
    let site = Site::new();
    let gateway = site.start();
    let newcomers = Ca::root("New Root");
    let client = site.anonymous().identity(&newcomers.device("device-9"));
    let mut connection = client.connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 403);
    gateway.configure(&site.setup().trust("new", &newcomers.path, &[HOST]));
    gateway.must_reload();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    assert_eq!(client.connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn a_policy_that_is_taken_out_denies_the_next_request() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    gateway.configure(&Setup::default().host(site.host()).trust("devices", &site.devices.path, &[HOST]));
    gateway.must_reload();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 403);
    gateway.output().wait_access("the denial", |line| line["reason"] == "no_application");
}

#[test]
fn a_host_that_is_no_longer_served_answers_nothing_more() {
    let site = Site::new();
    let other = || {
        Host::new("other.example.com", &site.servers.server(&["other.example.com"]), &site.origin.url())
            .client_auth("none")
    };
    let gateway = Gateway::start(site.setup().host(other()));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    gateway.configure(&Setup::default().host(other()));
    gateway.must_reload();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 421);
    assert!(site.client().connect(gateway.address(), HOST).is_err());
}
