//! Beyond `max_connections` clients wait: the limit is counted, and they are served as soon as others are gone.

use std::thread;

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::{HOST, Site};

#[test]
fn a_client_beyond_the_limit_is_served_once_another_is_gone() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("server", "workers = 1\nmax_connections = 2"));
    let connect = || site.client().connect(gateway.address(), HOST).unwrap();
    let (first, mut second) = (connect(), connect());
    assert_eq!(gateway.metric("fleetgate_connections_active", &[]), 2);
    thread::scope(|scope| {
        let third = scope.spawn(|| connect().get(HOST, "/third").unwrap().status());
        // The two that are in are served meanwhile, the third is not.
        assert_eq!(second.get(HOST, "/second").unwrap().status(), 200);
        gateway.wait_metric("fleetgate_connections_limit_hits_total", &[], 1);
        assert_eq!(site.origin.requests().len(), 1);
        drop(first);
        assert_eq!(third.join().unwrap(), 200);
    });
}

#[test]
fn every_worker_can_use_the_last_connection() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().table("server", "workers = 4\nmax_connections = 1"));
    // The kernel spreads them over the workers' sockets.
    for _ in 0..16 {
        let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
}
