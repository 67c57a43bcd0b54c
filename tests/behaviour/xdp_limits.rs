//! The limits of a source act in XDP, before userspace sees anything, and a client that meant well gets through later.

use std::net::TcpStream;
use std::time::Duration;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::client::Raw;
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, LIMITS_OFF as OFF};
use fleetgate_tests::site::HOST;
use fleetgate_tests::xdp::hello;
use fleetgate_tests::{skip, wait};

#[test]
fn syns_beyond_the_limit_are_dropped() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let limits = OFF.replace("syn_per_source = \"off\"", "syn_per_source = \"1/s burst 2\"");
    let gateway = Gateway::start(field.setup("").table("xdp.limit", &limits));
    let address = field.address();
    let connected = field.fleet.run(|| {
        let attempts = (0..6).map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(50)));
        attempts.flatten().count()
    });
    assert!(connected >= 2, "the burst passes");
    assert!(gateway.packets(Verdict::SynLimited) > 0);
    // Userspace leaves the work to XDP.
    assert_eq!(gateway.metrics().sum("fleetgate_limited_connections_total", &[]), 0);
}

#[test]
fn hellos_beyond_the_limit_are_dropped_and_their_retransmission_passes() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let limits = OFF.replace("hello_per_source = \"off\"", "hello_per_source = \"1/s burst 1\"");
    let gateway = Gateway::start(field.setup("").table("xdp.limit", &limits));
    let address = field.address();
    let hello = hello::classic(HOST);
    let answers = field.fleet.run(|| {
        let open = [Raw::connect(address), Raw::connect(address)];
        let sent = open.map(|raw| raw.send(&[&hello]));
        wait::until("a dropped hello", || (gateway.packets(Verdict::HelloSourceLimited) > 0).then_some(()));
        sent.map(Raw::record_type)
    });
    assert_eq!(answers, [Some(22), Some(22)]);
    assert_eq!(gateway.packets(Verdict::HelloMatched), 2);
}

#[test]
fn a_limit_that_a_reload_brings_acts_at_once() {
    if !skip::unless_root() {
        return;
    }
    let field = Field::new();
    let gateway = Gateway::start(field.setup(""));
    assert_eq!(field.curl("/").response().status(), 200);
    let limits = OFF.replace("syn_per_source = \"off\"", "syn_per_source = \"1/s burst 1\"");
    gateway.configure(&field.setup("").table("xdp.limit", &limits));
    gateway.must_reload();
    let address = field.address();
    field
        .fleet
        .run(|| (0..4).for_each(|_| drop(TcpStream::connect_timeout(&address, Duration::from_millis(50)))));
    assert!(gateway.packets(Verdict::SynLimited) > 0);
}
