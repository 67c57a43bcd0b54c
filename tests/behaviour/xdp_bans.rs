//! A banned source is kept out before userspace sees anything, what it has open ends, and it comes back when the ban is
//! over. Failures bring bans; sources at which verified devices were seen are not banned for them.

use std::net::TcpStream;
use std::time::Duration;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::client::Raw;
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, Said};
use fleetgate_tests::site::HOST;
use fleetgate_tests::xdp::hello;
use fleetgate_tests::{skip, wait};
use serde_json::Value;

const FLEET: &str = "192.0.2.2";

fn connects(field: &Field) -> bool {
    let address = field.address();
    field.fleet.run(|| TcpStream::connect_timeout(&address, Duration::from_millis(300))).is_ok()
}

fn ban(gateway: &Gateway, arguments: &[&str]) -> Said {
    let said = gateway.cli("ban", arguments);
    assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
    said
}

fn send_unknown_names(field: &Field, times: usize) {
    let address = field.address();
    field.fleet.run(|| {
        for _ in 0..times {
            Raw::connect(address).send(&[&hello::classic("other.example.com")]).read_to_end();
        }
    });
}

#[test]
fn an_operators_ban_ends_what_is_open_and_lets_nothing_new_in_until_it_is_taken_back() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup(""));
    let mut open = field.fleet.run(|| field.site.client().connect(field.address(), HOST)).unwrap();
    assert_eq!(open.get(HOST, "/").unwrap().status(), 200);

    assert!(ban(&gateway, &["add", FLEET, "--for", "1h"]).stdout.contains("banned 192.0.2.2 for 1h"));
    assert!(open.get(HOST, "/").is_err(), "an open connection ends");
    assert!(!connects(&field));
    assert!(gateway.packets(Verdict::Banned) > 0 && gateway.packets(Verdict::BannedReset) > 0);
    let established = || field.edge.output("ss", &["-Htn", "state", "established", "sport", "=", ":8443"]);
    wait::until("no established socket", || established().is_empty().then_some(()));
    let listed: Value = serde_json::from_str(&ban(&gateway, &["list", "--json"]).stdout).unwrap();
    assert_eq!(
        (&listed["bans"][0]["source"], &listed["bans"][0]["cause"]),
        (&FLEET.into(), &"operator".into())
    );
    gateway.output().wait_log("XDP met this");

    ban(&gateway, &["rm", FLEET]);
    assert_eq!(field.curl("/").response().status(), 200);
    let again = gateway.cli("ban", &["rm", FLEET]);
    assert!(again.code == 1 && again.stdout.contains("is not banned"), "{again:?}");
}

#[test]
fn a_ban_is_over_when_its_time_is() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup(""));
    ban(&gateway, &["add", FLEET, "--for", "2s"]);
    assert!(!connects(&field));
    wait::until("the end of the ban", || connects(&field).then_some(()));
    assert!(ban(&gateway, &["list"]).stdout.contains("nobody is banned"));
}

#[test]
fn a_ban_from_one_host_refuses_its_hellos() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup(""));
    let nobody = gateway.cli("ban", &["add", FLEET, "--host", "other.example.com"]);
    assert!(nobody.code == 1 && nobody.stderr.contains("no host other.example.com is served"), "{nobody:?}");
    ban(&gateway, &["add", FLEET, "--host", HOST]);
    assert!(connects(&field));
    assert!(field.curl("/").args(&["--max-time", "2"]).run().is_err());
    assert!(gateway.packets(Verdict::HelloBanned) > 0);
    let drops = [("host", HOST), ("reason", "hello_banned")];
    assert!(gateway.metric("fleetgate_xdp_host_drops_total", &drops) > 0);
    ban(&gateway, &["rm", FLEET, "--host", HOST]);
    assert_eq!(field.curl("/").response().status(), 200);
}

#[test]
fn a_source_that_asks_for_names_that_nobody_serves_is_banned() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway =
        Gateway::start(field.setup("").table("xdp.ban", "names = \"1/s burst 3\"\nduration = \"1h\""));
    send_unknown_names(&field, 8);
    gateway.wait_metric("fleetgate_bans_total", &[("cause", "names")], 1);
    assert!(!connects(&field));
    assert!(ban(&gateway, &["list"]).stdout.contains("192.0.2.2  names"));
    gateway.output().wait_log("banned on evidence");
}

#[test]
fn a_source_of_verified_devices_is_not_banned_and_has_limits_of_its_own() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let limits =
        fleetgate_tests::gateway::LIMITS_OFF.replace("syn_total = \"off\"", "syn_total = \"1/s burst 1\"");
    let setup = field.setup("").table("xdp.ban", "names = \"1/s burst 3\"\nduration = \"1h\"");
    let gateway = Gateway::start(setup.table("xdp.limit", &limits));
    assert_eq!(field.curl("/").response().status(), 200);
    wait::until("a SYN of a verified source", || {
        assert!(connects(&field) || gateway.packets(Verdict::SynVerified) == 0);
        (gateway.packets(Verdict::SynVerified) > 0).then_some(())
    });
    // From here on the limit that all others share is nothing to it.
    for _ in 0..5 {
        assert_eq!(field.curl("/").response().status(), 200);
    }
    send_unknown_names(&field, 8);
    let limited = gateway.packets(Verdict::SynTotalLimited);
    let status = gateway.cli("xdp", &["status"]);
    assert!(status.code == 0 && status.stdout.contains("syn_verified"), "{status:?}");
    assert_eq!(gateway.metrics().sum("fleetgate_bans_total", &[]), 0);
    assert_eq!(field.curl("/").response().status(), 200);
    assert_eq!(gateway.packets(Verdict::SynTotalLimited), limited);
}
