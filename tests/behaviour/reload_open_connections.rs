//! A reload acts on open connections too: one that loses what it was permitted is closed, without being asked anything.

use fleetgate_tests::gateway::{Gateway, Host, Setup};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use nix::sys::signal::Signal;

#[test]
fn a_ca_that_is_taken_out_closes_its_connections_and_one_that_comes_back_permits_again() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);

    gateway.configure(&site.untrusting());
    gateway.signal(Signal::SIGHUP);
    gateway.wait_metric("fleetgate_snapshot_generation", &[], 2);
    assert!(connection.receive().is_err());
    gateway.wait_metric(
        "fleetgate_connections_terminated_total",
        &[("host", HOST), ("reason", "unknown_issuer")],
        1,
    );
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
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
fn a_policy_that_is_taken_out_closes_the_connections_that_it_permitted() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    gateway.configure(&Setup::default().host(site.host()).trust("devices", &site.devices.path, &[HOST]));
    gateway.must_reload();
    assert!(connection.receive().is_err());
    gateway.wait_metric(
        "fleetgate_connections_terminated_total",
        &[("host", HOST), ("reason", "no_application")],
        1,
    );
    assert_eq!(site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status(), 403);
}

#[test]
fn a_host_that_is_no_longer_served_closes_its_connections() {
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
    assert!(connection.receive().is_err());
    gateway.wait_metric(
        "fleetgate_connections_terminated_total",
        &[("host", HOST), ("reason", "not_served")],
        1,
    );
    assert!(site.client().connect(gateway.address(), HOST).is_err());
}
