//! A device that asks more often than it may gets a 429 that says when to come back; nobody else does.

use std::thread::sleep;
use std::time::{Duration, Instant};

use fleetgate_tests::client::Connection;
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::message::Message;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use serde_json::json;

const LIMITED: &str = "fleetgate_device_limited_total";
const REQUESTS: [(&str, &str); 2] = [("host", HOST), ("limit", "requests")];

fn setup(site: &Site, rate: &str) -> Setup {
    site.setup().table("limit", &format!("requests = {rate:?}"))
}

/// Asks until it is refused.
fn until_refused(connection: &mut Connection) -> Message {
    wait::until("a refusal", || {
        let response = connection.get(HOST, "/").unwrap();
        (response.status() != 200).then_some(response)
    })
}

#[test]
fn a_burst_passes_then_429_and_who_waits_as_told_passes_again() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "1/s burst 3"));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    for _ in 0..3 {
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
    let refused = until_refused(&mut connection);
    assert_eq!((refused.status(), refused.header("retry-after")), (429, Some("1")), "{}", refused.text());
    let line = gateway.output().wait_access("the refusal", |line| line["status"] == 429);
    assert_eq!((&line["reason"], &line["decision"]), (&"limit_requests".into(), &"permit".into()));
    assert_eq!(gateway.metric(LIMITED, &REQUESTS), 1);
    let before = site.origin.requests().len();
    sleep(Duration::from_secs(1));
    assert_eq!(connection.get(HOST, "/again").unwrap().status(), 200, "on the same connection");
    assert_eq!(site.origin.requests().len(), before + 1);
}

#[test]
fn two_devices_behind_one_address_do_not_share_a_limit() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "1/s burst 1"));
    let mut first = site.client().connect(gateway.address(), HOST).unwrap();
    let another = site.anonymous().identity(&site.devices.device("device-2"));
    let mut second = another.connect(gateway.address(), HOST).unwrap();
    until_refused(&mut first);
    assert_eq!(second.get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn connections_of_one_device_share_it_over_all_workers() {
    const CONNECTIONS: usize = 16;
    const BURST: usize = 5;
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, &format!("1/s burst {BURST}")).table("server", "workers = 2"));
    let connect = || site.client().connect(gateway.address(), HOST).unwrap();
    // The kernel spreads them over the workers' sockets.
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| connect()).collect();
    let begun = Instant::now();
    let ask = |connection: &mut Connection| connection.get(HOST, "/").unwrap().status();
    let statuses: Vec<_> = connections.iter_mut().map(ask).collect();
    let earned = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    let passed = statuses.iter().filter(|status| **status == 200).count();
    assert!((BURST..=BURST + earned).contains(&passed), "{statuses:?}");
    assert_eq!(site.origin.requests().len(), passed);
    gateway.wait_metric(LIMITED, &REQUESTS, (CONNECTIONS - passed) as u64);
}

#[test]
fn streams_of_http2_share_it_and_go_on_without_those_that_are_refused() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "1/s burst 2"));
    let Some(client) = site.http2(gateway.address()) else { return };
    let request = json!({ "authority": HOST, "method": "POST", "body": "x" });
    let answers = client.requests(&json!(vec![request; 8]));
    let of = |status: u16| answers.iter().filter(|answer| answer["status"] == status).collect::<Vec<_>>();
    assert_eq!(of(200).len() + of(429).len(), answers.len(), "{answers:?}");
    assert!(of(200).len() >= 2 && !of(429).is_empty(), "{answers:?}");
    assert!(of(429).iter().all(|answer| answer["headers"]["retry-after"] == "1"), "{answers:?}");
}

#[test]
fn policy_comes_first_and_whom_it_denies_takes_nothing() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "1/s burst 1"));
    let mut nobody = site.anonymous().connect(gateway.address(), HOST).unwrap();
    for _ in 0..3 {
        assert_eq!(nobody.get(HOST, "/").unwrap().status(), 403);
    }
    assert_eq!(gateway.metrics().sum(LIMITED, &[]), 0);
}

#[test]
fn a_reload_brings_a_limit_to_connections_that_are_open() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    for _ in 0..3 {
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
    gateway.configure(&setup(&site, "1/s burst 1"));
    gateway.must_reload();
    assert_eq!(until_refused(&mut connection).status(), 429);
    gateway.configure(&site.setup());
    gateway.must_reload();
    for _ in 0..3 {
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
}
