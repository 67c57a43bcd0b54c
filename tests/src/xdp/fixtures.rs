//! The fixtures: frames in, verdicts out. One runner checks action, counter and frame of each.

mod bans;
mod cookies;
mod cuts;
mod flows;
mod fragments;
mod headers;
mod hellos;
mod limits;
mod lists;
mod names;
mod serve;
mod unknown;
mod verified;

use std::borrow::Cow;
use std::net::SocketAddr;

use fleetgate_ebpf::verdict::{Action, Verdict};

pub use cookies::braked;

use super::kernel::{Kernel, PORT, Ran, Setup};
use super::packet::{Packet, flag};

/// A named run.
#[derive(Debug)]
pub struct Fixture {
    /// What it shows.
    pub name: Cow<'static, str>,
    /// How the program is configured.
    pub setup: Setup,
    /// Frames in their order, each with the verdict that it must get.
    pub steps: Vec<(Packet, Verdict)>,
}

impl Fixture {
    fn new(name: impl Into<Cow<'static, str>>, steps: impl Into<Vec<(Packet, Verdict)>>) -> Self {
        Self { name: name.into(), setup: Setup::default(), steps: steps.into() }
    }

    /// A new flow's SYN, then its first data segment, which must get `verdict`.
    fn first_data(name: impl Into<Cow<'static, str>>, payload: impl Into<Vec<u8>>, verdict: Verdict) -> Self {
        Self::new(name, [(syn(), Verdict::Syn), (data(payload), verdict)])
    }

    #[expect(clippy::large_types_passed_by_value, reason = "fixtures are written with values")]
    fn with(self, setup: Setup) -> Self {
        Self { setup, ..self }
    }

    /// Whether it needs nothing but what the program is loaded with, so that it can share one with others.
    pub fn is_plain(&self) -> bool {
        self.setup == Setup::default()
    }

    /// Runs it on a program of its own.
    ///
    /// # Panics
    /// When a frame gets another verdict, or comes out other than its verdict says.
    pub fn run(&self) {
        self.run_on(&mut Kernel::new(&self.setup));
    }

    /// Runs it on a program that knows no flow.
    ///
    /// # Panics
    /// As [`Fixture::run`].
    pub fn run_on(&self, kernel: &mut Kernel) {
        for (step, (packet, expected)) in self.steps.iter().enumerate() {
            let frame = packet.frame();
            let (verdict, ran) = kernel.verdict(&frame);
            let place = format!("fixture `{}`, frame {step}", self.name);
            assert_eq!(verdict, *expected, "{place}");
            match verdict.action() {
                Action::Pass => assert_eq!((ran.action, &ran.frame), (2, &frame), "{place}"),
                Action::Drop => assert_eq!(ran.action, 1, "{place}"),
                Action::Answer if verdict == Verdict::SynCookie => assert_cookie(packet, &ran, &place),
                Action::Answer => assert_answer(packet, &frame, &ran, &place),
                Action::Reset => assert_reset(packet, &frame, &ran.frame, &place),
            }
        }
    }
}

/// All of them.
pub fn all() -> Vec<Fixture> {
    [
        headers::fixtures(),
        fragments::fixtures(),
        flows::fixtures(),
        names::fixtures(),
        hellos::fixtures(),
        cuts::fixtures(),
        unknown::fixtures(),
        lists::fixtures(),
        serve::fixtures(),
        bans::fixtures(),
        limits::fixtures(),
        verified::fixtures(),
        cookies::fixtures(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A reset differs from its segment in flags and checksum only, and the checksum is right.
fn assert_reset(packet: &Packet, before: &[u8], after: &[u8], place: &str) {
    let tcp = packet.tcp_offset();
    let mut expected = before.to_vec();
    expected[tcp + 13] = flag::RST;
    expected[tcp + 16..tcp + 18].copy_from_slice(&after[tcp + 16..tcp + 18]);
    assert_eq!(after, expected, "{place}");
    assert_eq!(packet.tcp_checksum(&after[tcp..]), 0, "{place}: checksum");
}

/// An answer goes back the way that the segment came, and is a RST that its sender accepts.
fn assert_answer(packet: &Packet, before: &[u8], ran: &Ran, place: &str) {
    assert_eq!(ran.action, 3, "{place}");
    let expected = packet.answer();
    assert_eq!(ran.frame, expected.frame(), "{place}");
    assert!(before.len() > ran.frame.len(), "{place}");
}

/// A SYN-ACK goes back the way that the SYN came; all but the cookie in it is known.
fn assert_cookie(packet: &Packet, ran: &Ran, place: &str) {
    assert_eq!(ran.action, 3, "{place}");
    let at = packet.tcp_offset() + 4;
    let cookie = ran.frame[at..at + 4].try_into().map(u32::from_be_bytes).expect("four bytes");
    assert_eq!(ran.frame, packet.syn_ack(cookie).frame(), "{place}");
}

fn device() -> SocketAddr {
    ([192, 0, 2, 1], 40_000).into()
}

fn device_v6() -> SocketAddr {
    "[2001:db8:1:2::7]:40000".parse().expect("an address")
}

fn gateway() -> SocketAddr {
    ([198, 51, 100, 1], PORT).into()
}

fn gateway_v6() -> SocketAddr {
    SocketAddr::new("2001:db8::1".parse().expect("an address"), PORT)
}

fn syn() -> Packet {
    Packet::syn(device(), gateway())
}

fn data(payload: impl Into<Vec<u8>>) -> Packet {
    Packet::data(device(), gateway(), payload)
}

fn syn_v6() -> Packet {
    Packet::syn(device_v6(), gateway_v6())
}

fn data_v6(payload: impl Into<Vec<u8>>) -> Packet {
    Packet::data(device_v6(), gateway_v6(), payload)
}
