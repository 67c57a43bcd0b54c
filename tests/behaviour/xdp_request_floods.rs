//! Who floods a host with requests that are refused is banned from it: the connection ends, the next hello is reset. Who has
//! a verified device there is not.

use std::net::SocketAddr;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::client::{Connection, Raw};
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::HOST;
use fleetgate_tests::xdp::hello;
use fleetgate_tests::{skip, wait};
use rustls::NamedGroup;
use serde_json::Value;

const BORNE: usize = 3;

fn setup(field: &Field) -> Setup {
    // A hello that a ban resets is told so: nobody waits.
    field
        .setup("unknown_sni = \"reset\"")
        .table("xdp.ban", &format!("requests = \"1/s burst {BORNE}\"\nduration = \"1h\""))
}

/// A connection without a certificate. Its hello is small: the name is in the first segment.
fn anonymous(field: &Field, address: SocketAddr) -> std::io::Result<Connection> {
    let client = field.site.anonymous().groups(&[NamedGroup::X25519]);
    field.fleet.run(|| client.connect(address, HOST))
}

/// Asks for `path` until the connection is over. How many answers with `status` came.
fn flood(connection: &mut Connection, path: &str, status: u16) -> usize {
    let mut refused = 0;
    for _ in 1..1000 {
        let response = connection.get(HOST, path).unwrap();
        refused += usize::from(response.status() == status);
        if response.header("connection") == Some("close") {
            assert!(connection.read_to_end().is_ok_and(|rest| rest.is_empty()), "it says so and does so");
            return refused;
        }
    }
    panic!("nobody stopped it");
}

fn bans(gateway: &Gateway) -> Vec<Value> {
    let said = gateway.cli("ban", &["list", "--json"]);
    let listed: Value = serde_json::from_str(&said.stdout).unwrap();
    listed["bans"].as_array().unwrap().clone()
}

fn is_banned_for_requests(field: &Field, gateway: &Gateway, address: SocketAddr, source: &str) {
    gateway.wait_metric("fleetgate_bans_total", &[("cause", "requests")], 1);
    let listed = bans(gateway);
    let ban = listed.iter().find(|ban| ban["source"] == source).unwrap_or_else(|| panic!("{listed:?}"));
    assert_eq!((&ban["host"], &ban["cause"], &ban["by"]), (&HOST.into(), &"requests".into(), &"xdp".into()));
    let line = gateway.output().wait_log("banned on evidence");
    assert!(line.contains("requests") && line.contains(source) && line.contains(HOST), "{line}");
    let before = gateway.packets(Verdict::HelloBanned);
    let _unanswered = field.fleet.run(|| Raw::connect(address).send(&[&hello::classic(HOST)]));
    wait::until("a banned hello", || (gateway.packets(Verdict::HelloBanned) > before).then_some(()));
}

#[test]
fn a_flood_of_denied_requests_ends_its_connection_and_bans_its_source_from_the_host() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    for (address, source) in
        [(field.address(), "192.0.2.2"), ("[2001:db8::1]:8443".parse().unwrap(), "2001:db8::/64")]
    {
        let gateway = Gateway::start(setup(&field));
        let mut connection = anonymous(&field, address).unwrap();
        assert!(flood(&mut connection, "/", 403) > BORNE, "what is borne is answered");
        is_banned_for_requests(&field, &gateway, address, source);
    }
}

#[test]
fn so_does_a_flood_of_requests_beyond_a_limit() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let open = format!(
        "domain = \"{HOST}/open\"\n[[application.policy]]\nname = \"all\"\ndecision = \"bypass\"\n\
         include = [{{ everyone = {{}} }}]"
    );
    let setup = setup(&field).array("application", open).table("limit", "requests = \"1/s burst 1\"");
    let gateway = Gateway::start(setup);
    let mut connection = anonymous(&field, field.address()).unwrap();
    assert_eq!(connection.get(HOST, "/open").unwrap().status(), 200);
    assert!(flood(&mut connection, "/open", 429) > BORNE);
    is_banned_for_requests(&field, &gateway, field.address(), "192.0.2.2");
}

#[test]
fn a_source_with_an_open_verified_connection_is_not_banned_and_loses_no_connection() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(setup(&field));
    let verified = field.site.client().groups(&[NamedGroup::X25519]);
    let mut verified = field.fleet.run(|| verified.connect(field.address(), HOST)).unwrap();
    assert_eq!(verified.get(HOST, "/").unwrap().status(), 200);
    let mut other = anonymous(&field, field.address()).unwrap();
    for _ in 0..BORNE * 5 {
        let response = other.get(HOST, "/").unwrap();
        assert_eq!((response.status(), response.header("connection")), (403, None));
    }
    // What makes a source known to XDP takes offenders as well.
    wait::until("the source to be known", || {
        drop(anonymous(&field, field.address()).unwrap());
        (gateway.packets(Verdict::SynVerified) > 0).then_some(())
    });
    assert_eq!((gateway.metrics().sum("fleetgate_bans_total", &[]), bans(&gateway).len()), (0, 0));
    assert_eq!(verified.get(HOST, "/").unwrap().status(), 200);
}
