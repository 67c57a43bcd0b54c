//! `fleetgate cache`: what is known of devices can be looked at and forgotten, and nothing of it changes who may pass.

use fleetgate_tests::site::{HOST, Site};

#[test]
fn a_device_that_is_forgotten_is_verified_again_and_passes() {
    let site = Site::new();
    let gateway = site.start();
    let pass = || {
        let response = site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap();
        assert_eq!(response.status(), 200);
    };
    let json = |arguments: &[&str]| -> serde_json::Value {
        let said = gateway.cli("cache", &[&["--json"], arguments].concat());
        assert_eq!(said.code, 0, "{said:?}");
        serde_json::from_str(&said.stdout).unwrap()
    };
    pass();
    assert_eq!(json(&["stats"])["entries"], 1);
    assert_eq!(json(&["evict", &site.device.sha256()])["removed"], 1);
    assert_eq!(json(&["flush"])["removed"], 0);
    pass();
    let stats = json(&["stats"]);
    assert_eq!((&stats["entries"], &stats["hits"], &stats["misses"]), (&1.into(), &0.into(), &2.into()));
    assert_eq!(gateway.cli("cache", &["evict", "abc"]).code, 2);
}
