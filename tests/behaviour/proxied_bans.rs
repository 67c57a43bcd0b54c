//! Behind a balancer, evidence is held against the source that it names, and userspace enforces the ban: XDP, which sees the
//! balancer in the place of everybody behind it, hears nothing of it.

use std::net::SocketAddr;

use fleetgate_tests::client::{Connection, Raw, UNRECOGNIZED_NAME};
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;
use fleetgate_tests::xdp::hello;
use serde_json::Value;

const BORNE: usize = 3;
const OFFENDER: &str = "192.0.2.9";

fn borne(setup: Setup, trusted: &str) -> Setup {
    let setup = setup.listener(&format!("proxy_protocol = true\ntrusted = [{trusted:?}]"));
    let rate = format!("\"1/s burst {BORNE}\"");
    setup.table("xdp.ban", &format!("names = {rate}\nrequests = {rate}\nduration = \"1h\""))
}

/// What a balancer says of a source, of either family.
fn header(source: &str) -> Vec<u8> {
    let (family, destination) =
        if source.contains(':') { ("TCP6", "2001:db8::1") } else { ("TCP4", "198.51.100.1") };
    format!("PROXY {family} {source} {destination} 4000 8443\r\n").into_bytes()
}

fn connect(site: &Site, source: &str, address: SocketAddr) -> std::io::Result<Connection> {
    site.client().connect_behind(&header(source), address, HOST)
}

fn ask_for_unknown_names(source: &str, address: SocketAddr) {
    for _ in 0..BORNE + 3 {
        let hello = hello::classic("other.example.com");
        let answer = Raw::connect(address).send(&[&header(source), &hello]).read_to_end();
        assert!(answer == UNRECOGNIZED_NAME || answer.is_empty());
    }
}

fn bans(gateway: &Gateway) -> Vec<Value> {
    let said = gateway.cli("ban", &["list", "--json"]);
    let listed: Value = serde_json::from_str(&said.stdout).unwrap();
    listed["bans"].as_array().unwrap().clone()
}

#[test]
fn a_named_source_that_scans_for_names_is_refused_and_those_beside_it_are_not() {
    let site = Site::new();
    let gateway = Gateway::start(borne(site.setup(), "127.0.0.0/8"));
    for (number, (offender, neighbour, banned)) in
        [(OFFENDER, "192.0.2.8", OFFENDER), ("2001:db8:9::1", "2001:db8:8::1", "2001:db8:9::/64")]
            .into_iter()
            .enumerate()
    {
        ask_for_unknown_names(offender, gateway.address());
        gateway.wait_metric("fleetgate_bans_total", &[("cause", "names")], number as u64 + 1);
        assert!(connect(&site, offender, gateway.address()).is_err(), "{offender}");
        assert!(gateway.metric("fleetgate_limited_connections_total", &[("limit", "ban")]) > 0);
        assert!(connect(&site, neighbour, gateway.address()).is_ok(), "{neighbour}");
        let line = gateway.output().wait_log(&format!("subject={banned}"));
        assert!(line.contains("banned on evidence") && line.contains("names"), "{line}");
        let listed = bans(&gateway);
        let ban = listed.iter().find(|ban| ban["source"] == banned).unwrap_or_else(|| panic!("{listed:?}"));
        assert_eq!((&ban["host"], &ban["by"]), (&Value::Null, &"userspace".into()));
        let pardoned = gateway.cli("ban", &["rm", offender]);
        assert!(pardoned.code == 0 && pardoned.stdout.contains("pardoned"), "{pardoned:?}");
        assert!(connect(&site, offender, gateway.address()).is_ok(), "{offender}");
    }
}

#[test]
fn a_named_source_that_floods_a_host_is_banned_from_that_host_alone() {
    let site = Site::new();
    let others = site.servers.server(&["other.example.com"]);
    let other = fleetgate_tests::gateway::Host::new("other.example.com", &others, &site.origin.url());
    let setup = borne(site.setup().host(other.client_auth("none")), "127.0.0.0/8");
    let gateway = Gateway::start(setup);
    let connect = |name| site.anonymous().connect_behind(&header(OFFENDER), gateway.address(), name);
    let (mut flood, mut idle) = (connect(HOST).unwrap(), connect(HOST).unwrap());
    assert_eq!(idle.get(HOST, "/").unwrap().status(), 403);
    while flood.get(HOST, "/").unwrap().header("connection").is_none() {}
    gateway.wait_metric("fleetgate_bans_total", &[("cause", "requests")], 1);
    assert!(connect(HOST).is_err());
    assert!(connect("other.example.com").is_ok());
    // What was open ends.
    assert!(idle.receive().is_err());
    gateway.wait_metric("fleetgate_connections_terminated_total", &[("host", HOST), ("reason", "banned")], 1);
}

#[test]
fn a_named_source_of_verified_devices_is_not_banned() {
    let site = Site::new();
    let gateway = Gateway::start(borne(site.setup(), "127.0.0.0/8"));
    let mut open = connect(&site, OFFENDER, gateway.address()).unwrap();
    assert_eq!(open.get(HOST, "/").unwrap().status(), 200);
    ask_for_unknown_names(OFFENDER, gateway.address());
    // Whoever offends is banned by the same sweep as the next one.
    ask_for_unknown_names("192.0.2.7", gateway.address());
    gateway.wait_metric("fleetgate_bans_total", &[("cause", "names")], 1);
    assert_eq!(bans(&gateway).len(), 1);
    assert!(connect(&site, OFFENDER, gateway.address()).is_ok());
}

#[test]
fn xdp_hears_nothing_of_it() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(borne(field.setup("required = true"), "192.0.2.2/32"));
    let address = field.address();
    field.fleet.run(|| ask_for_unknown_names(OFFENDER, address));
    gateway.wait_metric("fleetgate_bans_total", &[("cause", "names")], 1);
    let status: Value = serde_json::from_str(&gateway.cli("xdp", &["status", "--json"]).stdout).unwrap();
    assert_eq!(status["bans"], Value::Array(vec![]));
    assert_eq!(bans(&gateway)[0]["by"], "userspace");
    assert!(field.fleet.run(|| connect(&field.site, OFFENDER, address)).is_err());
    assert!(
        field.fleet.run(|| connect(&field.site, "192.0.2.8", address)).is_ok(),
        "the balancer is not banned"
    );
}
