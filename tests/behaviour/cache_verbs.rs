//! Operators see what the verdict cache does, and have it forget a device, or all: it is verified again.

use fleetgate_tests::gateway::{Gateway, cli};
use fleetgate_tests::pki::Identity;
use fleetgate_tests::site::{HOST, Site};
use serde_json::Value;

fn verify(site: &Site, gateway: &Gateway, identity: &Identity) {
    let client = site.anonymous().identity(identity);
    let mut connection = client.connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
}

fn json(gateway: &Gateway, arguments: &[&str]) -> Value {
    let said = gateway.cli("cache", &[arguments, &["--json"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_device_that_is_evicted_is_verified_again_and_others_are_not() {
    let site = Site::new();
    let other = site.devices.device("device-2");
    let gateway = site.start();
    verify(&site, &gateway, &site.device);
    verify(&site, &gateway, &other);
    let fingerprint = site.device.sha256();
    assert_eq!(json(&gateway, &["evict", &fingerprint])["evicted"], 1);
    assert_eq!(json(&gateway, &["evict", &fingerprint])["evicted"], 0, "it is gone already");
    verify(&site, &gateway, &other);
    let before = json(&gateway, &["stats"]);
    assert_eq!((&before["entries"], &before["misses"], &before["hits"]), (&1.into(), &2.into(), &1.into()));
    verify(&site, &gateway, &site.device);
    let after = json(&gateway, &["stats"]);
    assert_eq!((&after["entries"], &after["misses"], &after["hits"]), (&2.into(), &3.into(), &1.into()));
}

#[test]
fn a_flush_forgets_everybody_and_closes_nobodys_connection() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    let said = gateway.cli("cache", &["flush"]);
    assert!(said.code == 0 && said.stdout.contains("forgot 1 verdicts"), "{said:?}");
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    let said = gateway.cli("cache", &["stats"]);
    assert!(said.stdout.starts_with("0 of 100000 verdicts, "), "{said:?}");
}

#[test]
fn what_is_no_fingerprint_is_refused_with_what_one_looks_like() {
    let site = Site::new();
    let gateway = site.start();
    let said = gateway.cli("cache", &["evict", "device-1"]);
    assert!(said.code == 1 && said.stderr.contains("not a SHA-256 fingerprint"), "{said:?}");
}

#[test]
fn without_a_gateway_the_verbs_say_so() {
    let folder = tempfile::TempDir::new().unwrap();
    let (config, _) = Site::new().setup().write(folder.path());
    for verb in ["stats", "flush"] {
        let said = cli("cache", &config, &[verb]);
        assert!(said.code == 1 && said.stderr.contains("cannot reach a gateway at"), "{said:?}");
    }
}
