//! A known device costs only the proof that it holds its key: its verdict comes from the cache, on any worker.

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};

#[test]
fn every_handshake_after_a_devices_first_is_a_cache_hit() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("server", "workers = 4"));
    let connect = || site.client().connect(gateway.address(), HOST).unwrap();
    // A verdict is remembered once the device has proved that it holds its key: the first answer says that it has.
    assert_eq!(connect().get(HOST, "/").unwrap().status(), 200);
    // Connections side by side: the kernel spreads them over the workers.
    let mut connections: Vec<_> = (0..7).map(|_| connect()).collect();
    for connection in &mut connections {
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
    let cache = &gateway.status()["verdict_cache"];
    assert_eq!((&cache["misses"], &cache["hits"], &cache["entries"]), (&1.into(), &7.into(), &1.into()));
    let verified = |reason| {
        gateway.metric("fleetgate_handshakes_total", &[("host", HOST), ("result", "ok"), ("reason", reason)])
    };
    assert_eq!([verified("verified"), verified("verified_cached")], [1, 7]);
    gateway.wait_metric("fleetgate_verdict_cache_hits_total", &[], 7);
}

#[test]
fn a_reload_that_leaves_the_trust_alone_keeps_verdicts_and_one_that_changes_it_does_not() {
    let site = Site::new();
    let gateway = site.start();
    let misses_after_another_handshake = || {
        let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
        gateway.status()["verdict_cache"]["misses"].as_u64().unwrap()
    };
    assert_eq!(misses_after_another_handshake(), 1);
    gateway.configure(&site.setup().table("timeout", "drain = \"7s\""));
    gateway.must_reload();
    assert_eq!(misses_after_another_handshake(), 1);
    let another = Ca::root("Another Root");
    gateway.configure(&site.setup().trust("more", &another.path, &[HOST]));
    gateway.must_reload();
    assert_eq!(misses_after_another_handshake(), 2);
}
