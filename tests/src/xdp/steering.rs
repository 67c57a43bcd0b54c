//! What is steered where: cases as values, and their runner.

use std::net::SocketAddr;

use fleetgate_ebpf::abi::UnknownSni;

use super::hello::Hello;
use super::kernel::{Kernel, PORT, Setup};
use super::packet::{Packet, flag};

/// A named run.
#[derive(Debug)]
pub struct Case {
    /// What it shows.
    pub name: &'static str,
    /// How the program is configured.
    pub setup: Setup,
    /// Frames in their order, each with what becomes of it.
    pub steps: Vec<(Packet, End)>,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It goes to this CPU.
    Cpu(u32),
    /// It goes to the stack where it came in.
    Here,
    /// It goes nowhere.
    Gone,
}

impl Case {
    /// Runs it on a program of its own.
    ///
    /// # Panics
    /// When a frame ends elsewhere, or is not counted for its CPU alone.
    pub fn run(&self) {
        let mut kernel = Kernel::new(&self.setup);
        for (step, (packet, expected)) in self.steps.iter().enumerate() {
            let (ran, cpu) = kernel.steered(&packet.frame());
            let end = match (ran.action, cpu) {
                (4, Some(cpu)) => End::Cpu(cpu),
                (2, None) => End::Here,
                (1, None) => End::Gone,
                other => panic!("`{}`, frame {step}: action and CPU {other:?}", self.name),
            };
            assert_eq!(end, *expected, "`{}`, frame {step}", self.name);
        }
    }
}

const HOST: &str = "iot.example.com";
/// Where most packets go: to one CPU alone, so that hashes don't matter.
const ALL: u32 = 1;
/// The CPU of the host with its own.
const OWN: u32 = 0;

fn v4(port: u16) -> (SocketAddr, SocketAddr) {
    (([192, 0, 2, 1], port).into(), ([198, 51, 100, 1], PORT).into())
}

fn v6(port: u16) -> (SocketAddr, SocketAddr) {
    let address = |text: &str| text.parse().expect("an address");
    (SocketAddr::new(address("2001:db8:1::7"), port), SocketAddr::new(address("2001:db8::1"), PORT))
}

fn hello(name: &str) -> Vec<u8> {
    Hello::naming(name).record()
}

/// SYN, hello and a later segment of a connection.
fn connection((from, to): (SocketAddr, SocketAddr), name: &str) -> [Packet; 3] {
    let data = Packet::data(from, to, hello(name));
    [Packet::syn(from, to), data.clone(), data.sequence(5000)]
}

fn all_to(packets: [Packet; 3], end: End) -> Vec<(Packet, End)> {
    packets.into_iter().map(|packet| (packet, end)).collect()
}

/// All of them.
pub fn cases() -> Vec<Case> {
    let steered = Setup { steer_cpus: &[ALL], ..Setup::default() };
    let own = Setup { host_cpus: &[(HOST, &[OWN])], ..steered };
    let case = |name, setup, steps| Case { name, setup, steps };
    let (here, all) = (End::Here, End::Cpu(ALL));
    let [syn, first, later] = connection(v4(40_000), HOST);
    vec![
        case(
            "nothing is steered unless it is asked for",
            Setup::default(),
            all_to(connection(v4(1), HOST), here),
        ),
        case("a flow goes to its CPU from its SYN on", steered, all_to(connection(v4(1), HOST), all)),
        case("so does an IPv6 flow", steered, all_to(connection(v6(1), HOST), all)),
        case(
            "what is not protected stays",
            steered,
            vec![(Packet::syn(v4(1).0, ([198, 51, 100, 1], 22).into()), here)],
        ),
        case(
            "frames with a VLAN tag stay",
            steered,
            vec![
                (syn.clone().vlan(0x8100, 7), here),
                (first.clone().vlan(0x8100, 7), here),
                (later.clone().vlan(0x88a8, 7), here),
            ],
        ),
        case("a flow that nobody remembers goes where its hash says", steered, vec![(later.clone(), all)]),
        case(
            "an ACK goes with its flow",
            steered,
            vec![(syn.clone(), all), (first.clone().payload([]).flags(flag::ACK), all)],
        ),
        case(
            "a refused hello goes to the flow's CPU as a RST",
            Setup { unknown_sni: UnknownSni::Drop, ..steered },
            vec![
                (syn.clone(), all),
                (Packet::data(v4(40_000).0, v4(40_000).1, hello("nobody.example.com")), all),
                (later.clone(), End::Gone),
            ],
        ),
        case(
            "what is denied is dropped where it came in",
            Setup { deny: &["192.0.2.0/24"], ..steered },
            vec![(syn.clone(), End::Gone)],
        ),
        case(
            "a hello takes its flow to the CPUs of its host, and the source's next flow begins there",
            own,
            [
                vec![(syn.clone(), all), (first.clone(), End::Cpu(OWN)), (later.clone(), End::Cpu(OWN))],
                all_to(connection(v4(40_001), HOST), End::Cpu(OWN)),
            ]
            .concat(),
        ),
        case(
            "the hello for a host without CPUs leaves its flow, and its source begins anywhere again",
            own,
            [
                all_to(connection(v4(2), "any.fleet.example.com"), all),
                vec![(syn, all), (first, End::Cpu(OWN))],
                all_to(connection(v4(3), "any.fleet.example.com"), End::Cpu(OWN)),
                all_to(connection(v4(4), "any.fleet.example.com"), all),
            ]
            .concat(),
        ),
        case(
            "a CPU that has no queue leaves the packet where it is",
            Setup { steer_cpus: &[], host_cpus: &[(HOST, &[OWN])], ..Setup::default() },
            all_to(connection(v4(1), HOST), here),
        ),
    ]
}
