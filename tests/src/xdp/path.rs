//! Ways through the program, for measuring what a packet costs on each: frames like those of the fixtures.

use std::net::{IpAddr, SocketAddr};

use fleetgate::config::Limits;
use fleetgate_ebpf::verdict::Verdict;

use super::hello::Hello;
use super::kernel::{Kernel, PORT, Setup};
use super::packet::{Packet, flag};

/// A way through the program.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// What it is called.
    pub name: &'static str,
    /// Nanoseconds above a bare `XDP_PASS` that it may take.
    pub target: u32,
    verdict: Verdict,
    is_v6: bool,
    way: Way,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    /// The same frame again and again.
    Repeated(fn(&Flow) -> Packet),
    /// The same, after a SYN and a hello of its flow.
    OnFlow(fn(&Flow) -> Packet),
    /// Each frame of another flow, run once.
    EachNew(fn(&Flow) -> Packet),
    /// The same, each after the SYN of its flow.
    AfterSyn(fn(&Flow) -> Packet),
}

/// Who talks to whom.
struct Flow {
    source: SocketAddr,
    gateway: SocketAddr,
}

/// A thousand denied networks, and a ban, as an operator's lists are.
const DENIED: usize = 1000;
const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const BANNED: [&str; 2] = ["192.0.2.66", "2001:db8:66::1"];

fn syn(flow: &Flow) -> Packet {
    Packet::syn(flow.source, flow.gateway)
}

fn hello(flow: &Flow) -> Packet {
    let hello = Hello::default().extension(0x0a0a, &[0; 150]).server_name(b"iot.example.com");
    Packet::data(flow.source, flow.gateway, hello.record())
}

fn data(flow: &Flow) -> Packet {
    Packet::data(flow.source, flow.gateway, [23; 250]).sequence(9000)
}

fn elsewhere(flow: &Flow) -> Packet {
    Packet::data(flow.source, SocketAddr::new(flow.gateway.ip(), 22), [23; 250])
}

fn ack(flow: &Flow) -> Packet {
    data(flow).payload([]).flags(flag::ACK)
}

/// Every way, over IPv4 and over IPv6.
pub fn all() -> Vec<Path> {
    let ways = [
        ("not protected", 15, Verdict::NotProtected, Way::Repeated(elsewhere)),
        ("established flow", 60, Verdict::Established, Way::OnFlow(data)),
        ("established flow, ACK", 60, Verdict::Established, Way::OnFlow(ack)),
        ("banned source", 50, Verdict::Banned, Way::Repeated(syn)),
        ("denied prefix, 1000 in the list", 70, Verdict::Denied, Way::Repeated(syn)),
        ("SYN within limits, its flow known", 350, Verdict::Syn, Way::Repeated(syn)),
        ("SYN within limits, a new flow", 350, Verdict::Syn, Way::EachNew(syn)),
        ("SYN beyond its source's limit", 160, Verdict::SynLimited, Way::Repeated(syn)),
        ("first hello of a flow, 250 bytes", 700, Verdict::HelloMatched, Way::AfterSyn(hello)),
    ];
    let both =
        |(name, target, verdict, way)| [false, true].map(|is_v6| Path { name, target, verdict, is_v6, way });
    ways.into_iter().flat_map(both).collect()
}

/// Nanoseconds a packet.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Of the program.
    pub program: f64,
    /// Of one that passes everything, on the same frames.
    pub bare: f64,
}

impl Path {
    /// Its name, with the IP version.
    pub fn label(&self) -> String {
        format!("{}, {}", self.name, if self.is_v6 { "IPv6" } else { "IPv4" })
    }

    /// A program for it.
    pub fn kernel(&self) -> Kernel {
        let mut limits = Limits {
            new_flows: fleetgate_ebpf::gcra::Rate::UNLIMITED,
            syn_total: generous(),
            syn_per_source: generous(),
            hello_total: generous(),
            hello_per_source: generous(),
            hello_per_host: generous(),
            ..Limits::default()
        };
        if self.verdict == Verdict::SynLimited {
            limits.syn_per_source = fleetgate_ebpf::gcra::Rate::per_second(1, 1);
        }
        let (bans, deny): (&[&str], _) = match self.verdict {
            Verdict::Banned => (&BANNED, denied_networks(0)),
            Verdict::Denied => (&[], denied_networks(DENIED)),
            _ => (&[], denied_networks(0)),
        };
        let deny: Vec<&'static str> = deny.into_iter().map(|network| &*network.leak()).collect();
        Kernel::new(&Setup {
            limits,
            bans: if bans.is_empty() { &[] } else { &BANNED },
            deny: deny.leak(),
            ..Setup::default()
        })
    }

    /// What a packet costs on this way, measured with so many of them.
    ///
    /// # Panics
    /// When fewer than 99 % of the packets went this way.
    pub fn measure(&self, kernel: &mut Kernel, packets: u32) -> Cost {
        let before = kernel.counters().packets(self.verdict);
        let cost = match self.way {
            Way::Repeated(frame) => self.repeat(kernel, frame, packets),
            Way::OnFlow(frame) => {
                let flow = self.flow(1);
                kernel.run(&syn(&flow).frame(), 1);
                kernel.run(&hello(&flow).frame(), 1);
                self.repeat(kernel, frame, packets)
            }
            Way::EachNew(frame) => self.each(kernel, frame, packets / 100, false),
            Way::AfterSyn(frame) => self.each(kernel, frame, packets / 100, true),
        };
        let of_each = matches!(self.way, Way::EachNew(_) | Way::AfterSyn(_));
        let wanted = u64::from(if of_each { packets / 100 } else { packets }) * 99 / 100;
        let met = kernel.counters().packets(self.verdict) - before;
        assert!(met >= wanted, "{}: {met} of {packets} packets went this way", self.label());
        cost
    }

    fn repeat(&self, kernel: &mut Kernel, frame: fn(&Flow) -> Packet, packets: u32) -> Cost {
        let frame = frame(&self.flow(1)).frame();
        let bare = nanoseconds(kernel.run_bare(&frame, packets).nanoseconds);
        Cost { program: nanoseconds(kernel.run(&frame, packets).nanoseconds), bare }
    }

    /// The median of packets that are each run once, less what a single run costs more than one of many.
    fn each(
        &self,
        kernel: &mut Kernel,
        frame: fn(&Flow) -> Packet,
        packets: u32,
        is_after_syn: bool,
    ) -> Cost {
        let (mut program, mut bare) = (Vec::new(), Vec::new());
        for number in 0..packets {
            let flow = self.flow(number);
            let frame = frame(&flow).frame();
            if is_after_syn {
                kernel.run(&syn(&flow).frame(), 1);
            }
            bare.push(kernel.run_bare(&frame, 1).nanoseconds);
            program.push(kernel.run(&frame, 1).nanoseconds);
        }
        let many = nanoseconds(kernel.run_bare(&frame(&self.flow(1)).frame(), 100_000).nanoseconds);
        let single = median(bare) - many;
        Cost { program: median(program) - single, bare: many }
    }

    /// The numbered flow.
    fn flow(&self, number: u32) -> Flow {
        let port = 1024 + u16::try_from(number % 60_000).expect("below 60000");
        let source = match (self.verdict, self.is_v6) {
            (Verdict::Banned, is_v6) => BANNED[usize::from(is_v6)].parse().expect("an address"),
            (Verdict::Denied, false) => IpAddr::from([10, 1, 243, 7]),
            (Verdict::Denied, true) => "fd00:1f3::7".parse().expect("an address"),
            (_, false) => SOURCE,
            (_, true) => "2001:db8:1:2::7".parse().expect("an address"),
        };
        let gateway: IpAddr =
            if self.is_v6 { "2001:db8::1" } else { "198.51.100.1" }.parse().expect("an address");
        Flow { source: SocketAddr::new(source, port), gateway: SocketAddr::new(gateway, PORT) }
    }
}

/// Of both IP versions, unlike each other in different bits.
fn denied_networks(count: usize) -> Vec<String> {
    let half = count / 2;
    let v4 = (0..half).map(|number| format!("10.{}.{}.0/24", number / 256, number % 256));
    v4.chain((0..half).map(|number| format!("fd00:{number:x}::/32"))).collect()
}

/// A limit that is looked at and never met.
fn generous() -> fleetgate_ebpf::gcra::Rate {
    fleetgate_ebpf::gcra::Rate::per_second(1_000_000_000, u32::MAX)
}

fn median(mut values: Vec<u128>) -> f64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().map_or(0.0, nanoseconds)
}

#[expect(clippy::cast_precision_loss, reason = "a run takes less than a second")]
fn nanoseconds(nanoseconds: u128) -> f64 {
    nanoseconds as f64
}
