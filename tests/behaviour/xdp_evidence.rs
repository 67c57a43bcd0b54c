//! Handshakes that fail and certificates that are refused bring bans from their host, for as long as `xdp.ban.duration` says.

use std::net::SocketAddr;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::client::Raw;
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::HOST;
use fleetgate_tests::xdp::hello;
use fleetgate_tests::{skip, wait};
use serde_json::Value;

const TIMES: usize = 8;

fn setup(field: &Field, duration: &str) -> Setup {
    let site = &field.site;
    let host = site.host().client_auth("require");
    let ban = "handshakes = \"1/s burst 3\"\ncertificates = \"1/s burst 3\"";
    Setup::default()
        .inside(&field.edge)
        .host(host)
        .devices_only(HOST)
        .trust("devices", &site.devices.path, &[HOST])
        .table("xdp", "interfaces = [\"edge0\"]\nrequired = true")
        .table("xdp.ban", &format!("{ban}\nduration = {duration:?}"))
}

/// Shows a certificate that the host does not trust.
fn show_a_foreign_certificate(field: &Field, address: SocketAddr) {
    let stranger = Ca::root("Strangers").device("stranger");
    let client = field.site.anonymous().identity(&stranger);
    for _ in 0..TIMES {
        // Whether it is refused or, by now, banned: it does not get in.
        let connection = field.fleet.run(|| client.connect(address, HOST));
        assert!(connection.and_then(|mut connection| connection.get(HOST, "/")).is_err());
    }
}

/// Breaks TLS's rules right after the hello.
fn break_the_rules(field: &Field, address: SocketAddr) {
    let hello = hello::classic(HOST);
    field.fleet.run(|| {
        for _ in 0..TIMES {
            Raw::connect(address).send(&[&hello, &[99; 64]]).finish().read_to_end();
        }
    });
}

/// The ban that evidence brought, once it did.
fn ban(gateway: &Gateway, cause: &str) -> Value {
    gateway.wait_metric("fleetgate_bans_total", &[("cause", cause)], 1);
    let line = gateway.output().wait_log("banned on evidence");
    assert!(line.contains(cause), "{line}");
    let said = gateway.cli("ban", &["list", "--json"]);
    serde_json::from_str::<Value>(&said.stdout).unwrap()["bans"][0].clone()
}

#[test]
fn certificates_that_a_host_refuses_bring_a_ban_from_it_that_ends() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(setup(&field, "3s"));
    show_a_foreign_certificate(&field, field.address());
    let ban = ban(&gateway, "certificates");
    assert_eq!(
        (&ban["source"], &ban["host"], &ban["by"]),
        (&"192.0.2.2".into(), &HOST.into(), &"xdp".into())
    );
    assert!(ban["remaining"].as_u64().unwrap() < 3);
    wait::until("the end of the ban", || {
        gateway.cli("ban", &["list"]).stdout.contains("nobody is banned").then_some(())
    });
    assert_eq!(field.curl("/").response().status(), 200);
}

#[test]
fn handshakes_that_break_the_rules_do_too_over_ipv6() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(setup(&field, "1h"));
    let address = "[2001:db8::1]:8443".parse().unwrap();
    break_the_rules(&field, address);
    let ban = ban(&gateway, "handshakes");
    assert_eq!((&ban["source"], &ban["host"]), (&"2001:db8::/64".into(), &HOST.into()));
    let _unanswered = field.fleet.run(|| Raw::connect(address).send(&[&hello::classic(HOST)]));
    wait::until("a banned hello", || (gateway.packets(Verdict::HelloBanned) > 0).then_some(()));
    assert_eq!(field.curl("/").response().status(), 200, "IPv4 is another source");
}
