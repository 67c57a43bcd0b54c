//! The way of a cookie: given in a SYN-ACK, brought back by an ACK.

use fleetgate_ebpf::abi;
use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::skip;
use fleetgate_tests::xdp::fixtures::braked;
use fleetgate_tests::xdp::hello::Hello;
use fleetgate_tests::xdp::kernel::{Kernel, PORT};
use fleetgate_tests::xdp::packet::{Packet, flag};

/// A program that gives cookies, and has seen the flood that they are for.
fn flooded() -> Kernel {
    let mut kernel = Kernel::new(&braked());
    for (host, verdict) in [(201, Verdict::Syn), (202, Verdict::SynUntracked)] {
        let syn = Packet::syn(([203, 0, 113, host], 1).into(), ([198, 51, 100, 1], PORT).into());
        assert_eq!(kernel.verdict(&syn.frame()).0, verdict);
    }
    kernel
}

fn syns() -> [Packet; 2] {
    [
        Packet::syn(([192, 0, 2, 1], 40_000).into(), ([198, 51, 100, 1], PORT).into()),
        Packet::syn(
            ([0x2001, 0xdb8, 1, 2, 0, 0, 0, 7], 40_000).into(),
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], PORT).into(),
        ),
    ]
}

/// Sends the SYN, and makes of it the ACK that brings the cookie back.
fn ack(kernel: &mut Kernel, syn: &Packet) -> Packet {
    let (verdict, ran) = kernel.verdict(&syn.frame());
    assert_eq!(verdict, Verdict::SynCookie);
    let at = syn.tcp_offset() + 4;
    let mut cookie = [0; 4];
    cookie.copy_from_slice(&ran.frame[at..at + 4]);
    syn.clone().flags(flag::ACK).sequence(1001).acknowledges(u32::from_be_bytes(cookie).wrapping_add(1))
}

#[test]
fn a_right_cookie_passes_and_its_flow_is_known_from_then_on() {
    if !skip::unless_root() {
        return;
    }
    for syn in syns() {
        let mut kernel = flooded();
        let ack = ack(&mut kernel, &syn);
        let (verdict, ran) = kernel.verdict(&ack.frame());
        assert_eq!((verdict, ran.frame), (Verdict::CookieValid, ack.frame()));
        assert_eq!(kernel.verdict(&ack.frame()).0, Verdict::Control, "known now");
        let hello = ack.clone().payload(Hello::naming("iot.example.com").record());
        assert_eq!(kernel.verdict(&hello.frame()).0, Verdict::HelloMatched);
        assert_eq!(kernel.verdict(&ack.sequence(5000).frame()).0, Verdict::Established);
        // And its source has been seen.
        assert_eq!(kernel.verdict(&syn.sequence(77).frame()).0, Verdict::Syn);
    }
}

#[test]
fn a_hello_that_overtakes_its_ack_brings_the_cookie_and_is_judged() {
    if !skip::unless_root() {
        return;
    }
    for syn in syns() {
        let mut kernel = flooded();
        let ack = ack(&mut kernel, &syn);
        let names = [("iot.example.com", Verdict::HelloMatched), ("a.example.org", Verdict::Established)];
        for (name, verdict) in names {
            let hello = ack.clone().payload(Hello::naming(name).record());
            assert_eq!(kernel.verdict(&hello.frame()).0, verdict);
        }
    }
}

#[test]
fn a_cookie_is_good_for_its_own_flow_alone() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = flooded();
    let [syn, _] = syns();
    let right = ack(&mut kernel, &syn);
    let other = Packet::syn(([192, 0, 2, 1], 40_001).into(), ([198, 51, 100, 1], PORT).into());
    let other_cookie = ack(&mut kernel, &other);
    for wrong in
        [right.clone().sequence(1002), other.flags(flag::ACK), right.clone().acknowledges(0x0102_0305)]
    {
        assert_eq!(kernel.verdict(&wrong.frame()).0, Verdict::CookieInvalid);
    }
    assert_eq!(kernel.verdict(&other_cookie.frame()).0, Verdict::CookieValid);
    assert_eq!(kernel.verdict(&right.frame()).0, Verdict::CookieValid);
}

#[test]
fn connections_that_xdp_does_not_know_are_left_alone_while_cookies_are_given() {
    if !skip::unless_root() {
        return;
    }
    let mut kernel = flooded();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::net::TcpStream::connect(address).unwrap();
    let mut setup = braked();
    setup.listeners = vec![&*format!("[::]:{}", address.port()).leak()].leak();
    kernel.configure(&setup);
    let there = client.local_addr().unwrap();
    for (host, verdict) in [(203, Verdict::SynUntracked), (204, Verdict::SynCookie)] {
        let syn = Packet::syn(([203, 0, 113, host], 1).into(), address);
        assert_eq!(kernel.verdict(&syn.frame()).0, verdict);
    }
    let data = Packet::data(there, address, *b"as ever");
    assert_eq!(kernel.verdict(&data.frame()).0, Verdict::UnknownFlow);
    assert_eq!(kernel.verdict(&data.clone().payload([]).frame()).0, Verdict::Control);
    let nobody = Packet::data(([127, 0, 0, 1], 1).into(), address, *b"who?");
    assert_eq!(kernel.verdict(&nobody.frame()).0, Verdict::CookieInvalid);
}

#[test]
fn a_kernel_that_has_no_cookies_for_xdp_is_not_asked_for_them() {
    if !skip::unless_root() {
        return;
    }
    // Nothing of what is left out is translated: the verifier has not looked at it.
    let instructions = |cookies: u8| {
        let mut loader = aya::EbpfLoader::new();
        let mut ebpf =
            loader.override_global(abi::MAKES_COOKIES, &cookies, true).load(fleetgate_ebpf::OBJECT).unwrap();
        let program: &mut aya::programs::Xdp = ebpf.program_mut(abi::PROGRAM).unwrap().try_into().unwrap();
        program.load().unwrap();
        program.info().unwrap().size_translated().unwrap()
    };
    let (without, with) = (instructions(0), instructions(1));
    assert!(without + 2000 < with, "{without} bytes without, {with} with");
}
