//! With several origins, one that dies costs no safe request, and one that comes back is used again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::nginx::Nginx;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;

#[test]
fn an_origin_that_dies_under_load_costs_no_safe_request() {
    if !skip::unless_installed("nginx") {
        return;
    }
    let site = Site::new();
    let (mut dying, staying) = (Nginx::start("", &[]), Nginx::start("", &[]));
    let both = format!("[\"{}\", \"{}\"]", dying.url("http"), staying.url("http"));
    let gateway = Gateway::start(site.setup().replace(&format!("\"{}\"", site.origin.url()), &both));
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        let response = connection.get(HOST, "/").unwrap();
                        assert_eq!(response.status(), 200, "{}", response.text());
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let reached = |count: usize| {
            fleetgate_tests::wait::until("requests", || {
                let ended = clients.iter().any(thread::ScopedJoinHandle::is_finished);
                (ended || answered.load(Ordering::Relaxed) >= count).then_some(())
            });
        };
        reached(200);
        dying.kill();
        let at_death = answered.load(Ordering::Relaxed);
        reached(at_death + 500);
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(gateway.metric("fleetgate_requests_total", &[("host", HOST), ("status", "5xx")]), 0);
    let (dead, alive) = (dying.url("http"), staying.url("http"));
    gateway.wait_metric("fleetgate_origin_ejections_total", &[("origin", &dead)], 1);
    gateway.wait_metric("fleetgate_origin_healthy", &[("host", HOST), ("origin", &alive)], 1);
}

#[test]
fn a_health_check_finds_out_before_a_request_does() {
    if !skip::unless_installed("nginx") {
        return;
    }
    let site = Site::new();
    // It answers, and says that it is not well.
    let unwell = Nginx::start("", &["location /healthz { return 503; }\n#".to_owned()]);
    let well = Nginx::start("", &[]);
    let both = format!(
        "[\"{}\", \"{}\"]\nhealth_path = \"/healthz\"\nhealth_interval = \"50ms\"\n",
        unwell.url("http"),
        well.url("http")
    );
    let gateway = Gateway::start(site.setup().replace(&format!("\"{}\"", site.origin.url()), &both));
    let url = unwell.url("http");
    let labels = [("host", HOST), ("origin", url.as_str())];
    fleetgate_tests::wait::until("an unwell origin", || {
        let metrics = gateway.metrics();
        (metrics.get("fleetgate_origin_healthy", &labels) == 0).then_some(())
    });
    let before = gateway.metric("fleetgate_origin_retries_total", &[("origin", &url)]);
    for _ in 0..4 {
        assert_eq!(site.curl(gateway.address(), "/").identity(&site.device).response().status(), 200);
    }
    assert_eq!(gateway.metric("fleetgate_origin_retries_total", &[("origin", &url)]), before);
}
