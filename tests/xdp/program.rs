//! What holds for the program as a whole.

use std::time::Duration;

use fleetgate::config::Tables;
use fleetgate::xdp::Cause;
use fleetgate_ebpf::abi::UnknownSni;
use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::skip;
use fleetgate_tests::xdp::hello::Hello;
use fleetgate_tests::xdp::kernel::{Kernel, PORT, Setup, subject};
use fleetgate_tests::xdp::packet::Packet;

const PASS: u32 = 2;

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

#[test]
fn a_full_flow_table_loses_no_byte() {
    if !skip::unless_root() {
        return;
    }
    // The tables of a kernel have room for more than they are asked for, on each CPU: four times as many flows.
    let tables = Tables { flows: 64, ..Tables::default() };
    let mut kernel = Kernel::new(&Setup { tables, unknown_sni: UnknownSni::Drop, ..Setup::default() });
    let flow = |port: u16| {
        let (device, gateway) = (([192, 0, 2, 1], port).into(), ([198, 51, 100, 1], PORT).into());
        let hello = Hello::naming("iot.example.com").record();
        (Packet::syn(device, gateway), Packet::data(device, gateway, hello))
    };
    for port in 1..=1000 {
        assert_eq!(kernel.run(&flow(port).0.frame(), 1).action, PASS);
    }
    for port in 1..=1000 {
        let (_, hello) = flow(port);
        assert_eq!(kernel.run(&hello.frame(), 1).action, PASS, "first data of {port}");
        assert_eq!(kernel.run(&hello.sequence(5000).frame(), 1).action, PASS, "later data of {port}");
    }
    assert!(kernel.counters().packets(Verdict::UnknownFlow) > 0, "nothing was evicted");
}

#[test]
fn the_maps_of_the_default_sizes_take_32_mib_at_most() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = Kernel::new(&Setup::default());
    let bytes = kernel.program().memory().unwrap();
    assert!(bytes > 1 << 20, "{bytes} bytes: not counted");
    assert!(bytes <= 32 << 20, "{bytes} bytes");
}

#[test]
fn a_ban_deletes_its_sources_flows() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = Kernel::new(&Setup::default());
    let (syn, hello) = flow();
    kernel.run(&syn.frame(), 1);
    assert_eq!(kernel.verdict(&hello.frame()).0, Verdict::HelloMatched);
    let hour = Duration::from_hours(1);
    kernel.program().ban(&subject("192.0.2.1"), hour, Cause::Operator).unwrap();
    assert_eq!(kernel.verdict(&hello.clone().sequence(5000).frame()).0, Verdict::BannedReset);
    assert_eq!(kernel.program().bans().unwrap()[0].packets, 1);
    assert!(kernel.program().unban(&subject("192.0.2.1")).unwrap());
    assert_eq!(kernel.verdict(&hello.sequence(5000).frame()).0, Verdict::UnknownFlow);
}

#[test]
fn packets_and_bytes_are_counted_for_their_host() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = Kernel::new(&Setup::default());
    let (syn, hello) = flow();
    kernel.run(&syn.frame(), 1);
    let (first, later) = (hello.frame(), hello.sequence(5000).frame());
    kernel.run(&first, 1);
    kernel.run(&later, 10);
    let host = "iot.example.com".parse().unwrap();
    let account = kernel.counters().hosts[&host];
    let bytes = u64::try_from(first.len() + 10 * later.len()).unwrap();
    assert_eq!((account.hellos, account.packets, account.bytes), (1, 11, bytes));
}
