//! `xdp.syn_cookies = "xdp"`: in a flood of SYNs from ever new sources, a device that was never seen gets through.

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::field::{Field, INTERFACE};
use fleetgate_tests::gateway::{Gateway, LIMITS_OFF as OFF, Setup};
use fleetgate_tests::xdp::flood::{Flood, SOURCES};
use fleetgate_tests::{skip, wait};

const SYNCOOKIES: &str = "/proc/sys/net/ipv4/tcp_syncookies";

/// A field whose stack can answer the flood's sources, with this `net.ipv4.tcp_syncookies`.
fn field(syncookies: &str) -> Field {
    let field = Field::new();
    field.edge.ip(&format!("route add {SOURCES} via 192.0.2.2 dev {INTERFACE}"));
    set(&field, syncookies);
    field
}

fn set(field: &Field, syncookies: &str) {
    field.edge.run(|| std::fs::write(SYNCOOKIES, syncookies)).unwrap();
}

/// The brake is on as soon as anybody was let in.
fn setup(field: &Field, mode: &str) -> Setup {
    let limits = OFF.replace("new_flows = \"off\"", "new_flows = \"1/s burst 1\"");
    assert_ne!(limits, OFF);
    field.setup(&format!("mode = \"{mode}\"\nsyn_cookies = \"xdp\"")).table("xdp.limit", &limits)
}

/// What the stack itself has counted of cookies.
fn stack(field: &Field, counter: &str) -> u64 {
    let netstat = field.edge.run(|| std::fs::read_to_string("/proc/thread-self/net/netstat")).unwrap();
    let mut lines = netstat.lines().filter(|line| line.starts_with("TcpExt:")).map(str::split_whitespace);
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    names.zip(values).find(|(name, _)| *name == counter).unwrap().1.parse().unwrap()
}

fn gets_through_a_flood(mode: &str) {
    let field = field("2");
    let gateway = Gateway::start(setup(&field, mode));
    let _answers = (mode == "native").then(|| field.take_answers());
    let flood = Flood::start(&field.fleet, field.address());
    wait::until("a flood that is answered", || (gateway.packets(Verdict::SynCookie) > 1000).then_some(()));
    // A full handshake with a client certificate, and a request: the device was never seen.
    assert_eq!(field.curl("/").response().status(), 200);
    assert!(gateway.packets(Verdict::CookieValid) > 0);
    assert!(stack(&field, "SyncookiesRecv") > 0);
    drop(flood);
    assert_eq!(gateway.packets(Verdict::HelloMatched), 1, "its hello was looked into");
    let (ours, theirs) = (gateway.packets(Verdict::SynCookie), stack(&field, "SyncookiesSent"));
    assert!(theirs < ours / 10, "{ours} cookies by XDP, {theirs} by the stack");
}

#[test]
fn a_device_gets_through_a_flood_in_the_driver() {
    if skip::unless_root() {
        gets_through_a_flood("native");
    }
}

#[test]
fn a_device_gets_through_a_flood_in_generic_mode() {
    if skip::unless_root() {
        gets_through_a_flood("generic");
    }
}

#[test]
fn a_stack_that_gives_no_cookies_is_reported() {
    if !skip::unless_root() {
        return;
    }
    let field = field("0");
    let gateway = Gateway::start(field.setup(""));
    let status = || gateway.cli("xdp", &["status"]).stdout;
    assert!(status().contains("sysctl -w net.ipv4.tcp_syncookies=1"));
    set(&field, "1");
    wait::until("no more complaint", || (!status().contains("sysctl")).then_some(()));
}

#[test]
fn xdp_gives_no_cookies_that_the_stack_would_refuse_and_says_so() {
    if !skip::unless_root() {
        return;
    }
    let field = field("1");
    let gateway = Gateway::start(setup(&field, "generic"));
    let status = || gateway.cli("xdp", &["status"]).stdout;
    assert!(status().contains("SYN cookies by kernel"));
    assert!(status().contains("sysctl -w net.ipv4.tcp_syncookies=2"));
    let flood = Flood::start(&field.fleet, field.address());
    wait::until("a flood", || (gateway.packets(Verdict::SynUntracked) > 1000).then_some(()));
    assert_eq!(gateway.packets(Verdict::SynCookie), 0);
    // It is looked at again, once a second.
    set(&field, "2");
    wait::until("cookies", || (gateway.packets(Verdict::SynCookie) > 0).then_some(()));
    drop(flood);
    assert!(status().contains("SYN cookies by xdp"));
    assert!(!status().contains("sysctl"));
}
