//! What holds for the program as a whole.

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::skip;
use fleetgate_tests::xdp::hello::Hello;
use fleetgate_tests::xdp::kernel::{Kernel, PORT, Setup};
use fleetgate_tests::xdp::packet::Packet;

fn flow() -> (Packet, Packet) {
    let (device, gateway) = (([192, 0, 2, 1], 40_000).into(), ([198, 51, 100, 1], PORT).into());
    (Packet::syn(device, gateway), Packet::data(device, gateway, Hello::naming("iot.example.com").record()))
}

#[test]
fn every_packet_is_counted_once() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = Kernel::new(&Setup::default());
    let (syn, hello) = flow();
    let frames = [syn.frame(), hello.frame(), hello.sequence(9999).frame(), vec![0; 60]];
    for frame in &frames {
        kernel.run(frame, 100);
    }
    let total: u64 = kernel.counters().packets.iter().sum();
    assert_eq!(total, 400);
}

#[test]
fn a_matched_hello_is_counted_for_its_host() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = Kernel::new(&Setup::default());
    let (syn, hello) = flow();
    kernel.run(&syn.frame(), 1);
    kernel.run(&hello.frame(), 1);
    let hellos: Vec<_> = kernel
        .counters()
        .hosts
        .into_iter()
        .map(|(host, account)| (host.to_string(), account.hellos))
        .collect();
    assert_eq!(hellos, [("iot.example.com".to_owned(), 1), ("*.fleet.example.com".to_owned(), 0)]);
}

#[test]
fn a_reload_changes_hosts_and_leaves_flows_alone() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = Kernel::new(&Setup::default());
    let (syn, hello) = flow();
    kernel.run(&syn.frame(), 1);
    assert_eq!(kernel.verdict(&hello.frame()).0, Verdict::HelloMatched);
    kernel.configure(&Setup { hosts: &["new.example.com"], ..Setup::default() });
    assert_eq!(kernel.verdict(&hello.clone().sequence(5000).frame()).0, Verdict::Established);
    kernel.run(&syn.frame(), 1);
    assert_eq!(kernel.verdict(&hello.frame()).0, Verdict::HelloUnknownPassed);
}

#[test]
fn truncated_and_tiny_frames_pass() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = Kernel::new(&Setup::default());
    let (syn, hello) = flow();
    for len in 14..54 {
        let verdict = kernel.verdict(&syn.frame()[..len]).0;
        assert_eq!(verdict, Verdict::Truncated, "SYN cut after {len} bytes");
    }
    kernel.run(&syn.frame(), 1);
    let frame = hello.frame();
    // The IP header promises more than the frame holds.
    assert_eq!(kernel.verdict(&frame[..frame.len() - 20]).0, Verdict::Truncated);
}
