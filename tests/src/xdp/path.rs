//! Ways through the program, for measuring what a packet costs on each: frames like those of the fixtures.

use std::net::{IpAddr, SocketAddr};

use fleetgate::config::{Limits, SynCookies, Tables};
use fleetgate_ebpf::gcra::Rate;
use fleetgate_ebpf::verdict::Verdict;

use super::filter::Filter;
use super::hello::Hello;
use super::kernel::{Kernel, PORT, Setup};
use super::packet::{Packet, flag};

/// A way through the program.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// What it is called.
    pub name: &'static str,
    /// Nanoseconds above a bare `XDP_PASS` that it may take, where that was agreed.
    pub target: Option<u32>,
    verdict: Verdict,
    is_v6: bool,
    way: Way,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    /// The same frame again and again.
    Repeated(fn(&Flow) -> Packet),
    /// The same, from a source that was never seen, while the brake is on.
    Braked(fn(&Flow) -> Packet),
    /// The same, after a SYN and a hello of its flow.
    OnFlow(fn(&Flow) -> Packet),
    /// Each frame of another flow, run once.
    EachNew(Each),
}

/// What counts of a flow that is run once.
#[derive(Clone, Copy, Debug)]
enum Each {
    /// Its SYN.
    Syn,
    /// Its SYN, which comes back as a SYN-ACK.
    Cookie,
    /// Its SYN, which takes the place of another flow in a full table.
    Evicting,
    /// Its hello.
    Hello,
    /// Its SYN and its hello.
    Both,
}

/// Who talks to whom.
struct Flow {
    source: SocketAddr,
    gateway: SocketAddr,
}

/// A thousand denied networks, and a ban, as an operator's lists are.
const DENIED: usize = 1000;
/// Sources that use up `new_flows`.
const BEFORE: [[&str; 2]; 3] =
    [["203.0.113.1", "2001:db8:a::1"], ["203.0.113.2", "2001:db8:b::1"], ["203.0.113.3", "2001:db8:c::1"]];
const HOUR_NS: u64 = 3_600_000_000_000;
/// Ports of the source that talks.
const PORTS: u32 = 60_000;
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

/// xdp-filter with the banned sources on its list. `None` where it is not installed.
pub fn filter() -> Option<Filter> {
    Filter::load(BANNED.map(|source| source.parse().expect("an address")))
}

/// Every way, over IPv4 and over IPv6.
pub fn all() -> Vec<Path> {
    let ways = [
        ("not protected", Some(15), Verdict::NotProtected, Way::Repeated(elsewhere)),
        ("established flow", Some(60), Verdict::Established, Way::OnFlow(data)),
        ("established flow, ACK", Some(60), Verdict::Established, Way::OnFlow(ack)),
        ("banned source", Some(50), Verdict::Banned, Way::Repeated(syn)),
        ("denied prefix, 1000 in the list", Some(70), Verdict::Denied, Way::Repeated(syn)),
        ("SYN within limits, no flow record", Some(160), Verdict::SynUntracked, Way::Braked(syn)),
        ("SYN within limits, its flow known", Some(350), Verdict::Syn, Way::Repeated(syn)),
        ("SYN within limits, a new flow", Some(350), Verdict::Syn, Way::EachNew(Each::Syn)),
        ("SYN within limits, a new flow, table full", Some(350), Verdict::Syn, Way::EachNew(Each::Evicting)),
        ("SYN answered with a cookie", None, Verdict::SynCookie, Way::EachNew(Each::Cookie)),
        ("SYN beyond its source's limit", Some(160), Verdict::SynLimited, Way::Repeated(syn)),
        ("hello of 250 bytes, its flow known", Some(350), Verdict::HelloMatched, Way::EachNew(Each::Hello)),
        (
            "hello of 250 bytes and SYN, a new flow",
            Some(700),
            Verdict::HelloMatched,
            Way::EachNew(Each::Both),
        ),
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
            new_flows: Rate::UNLIMITED,
            syn_total: generous(),
            syn_per_source: generous(),
            hello_total: generous(),
            hello_per_source: generous(),
            hello_per_host: generous(),
            ..Limits::default()
        };
        match self.verdict {
            Verdict::SynLimited => limits.syn_per_source = Rate::per_second(1, 2),
            Verdict::SynUntracked | Verdict::SynCookie => {
                limits.new_flows = Rate { interval_ns: HOUR_NS, tolerance_ns: HOUR_NS }
            }
            _ => {}
        }
        let (bans, deny): (&'static [&str], _) = match self.verdict {
            Verdict::Banned => (&BANNED, denied_networks(0)),
            Verdict::Denied => (&[], denied_networks(DENIED)),
            _ => (&[], denied_networks(0)),
        };
        let deny: Vec<&'static str> = deny.into_iter().map(|network| &*network.leak()).collect();
        let is_cookie = self.verdict == Verdict::SynCookie;
        let syn_cookies = if is_cookie { SynCookies::Xdp } else { SynCookies::Kernel };
        Kernel::new(&Setup { limits, bans, deny: deny.leak(), syn_cookies, ..Setup::default() })
    }

    /// What a packet costs on this way, measured with so many of them.
    ///
    /// # Panics
    /// When fewer than 99 % of the packets went this way.
    pub fn measure(&self, kernel: &mut Kernel, packets: u32) -> Cost {
        let before = kernel.counters().packets(self.verdict);
        let (cost, measured) = match self.way {
            Way::Repeated(frame) => (self.repeat(kernel, frame, packets), packets),
            Way::Braked(frame) => {
                self.brake(kernel);
                (self.repeat(kernel, frame, packets), packets)
            }
            Way::OnFlow(frame) => {
                let flow = self.flow(1);
                kernel.run(&syn(&flow).frame(), 1);
                kernel.run(&hello(&flow).frame(), 1);
                (self.repeat(kernel, frame, packets), packets)
            }
            Way::EachNew(of) => (self.each(kernel, of, packets / 100), packets / 100),
        };
        let met = kernel.counters().packets(self.verdict) - before;
        let wanted = u64::from(measured) * 99 / 100;
        assert!(met >= wanted, "{}: {met} of {measured} packets went this way", self.label());
        cost
    }

    /// Uses up `new_flows`.
    fn brake(&self, kernel: &mut Kernel) {
        for other in BEFORE {
            let other = other[usize::from(self.is_v6)].parse().expect("an address");
            let source = SocketAddr::new(other, 40_000);
            kernel.run(&syn(&Flow { source, ..self.flow(1) }).frame(), 1);
        }
    }

    /// Nanoseconds that xdp-filter takes for the same, where it does the same.
    pub fn beside(&self, filter: &mut Filter, packets: u32) -> Option<f64> {
        let (Way::Repeated(frame), Verdict::NotProtected | Verdict::Banned) = (self.way, self.verdict) else {
            return None;
        };
        let ran = filter.run(&frame(&self.flow(1)).frame(), packets);
        let action = if self.verdict == Verdict::Banned { 1 } else { 2 };
        assert_eq!(ran.action, action, "{} in xdp-filter", self.label());
        Some(nanoseconds(ran.nanoseconds))
    }

    fn repeat(&self, kernel: &mut Kernel, frame: fn(&Flow) -> Packet, packets: u32) -> Cost {
        let frame = frame(&self.flow(1)).frame();
        let bare = nanoseconds(kernel.run_bare(&frame, packets).nanoseconds);
        Cost { program: nanoseconds(kernel.run(&frame, packets).nanoseconds), bare }
    }

    /// The median of flows that each run once, less what a single run costs more than one of many.
    fn each(&self, kernel: &mut Kernel, of: Each, flows: u32) -> Cost {
        let seen = |kernel: &Kernel| {
            u32::try_from(kernel.counters().packets(Verdict::Syn)).expect("fewer packets than 2^32")
        };
        if matches!(of, Each::Evicting) {
            for number in seen(kernel)..2 * Tables::default().flows {
                kernel.run(&syn(&self.flow(number)).frame(), 1);
            }
        }
        if matches!(of, Each::Cookie) {
            self.brake(kernel);
        }
        let first = seen(kernel);
        let (mut program, mut bare) = (Vec::new(), Vec::new());
        for number in first..first + flows {
            let flow = self.flow(number);
            let (syn, hello) = (syn(&flow).frame(), hello(&flow).frame());
            let measured =
                if matches!(of, Each::Syn | Each::Cookie | Each::Evicting) { &syn } else { &hello };
            bare.push(kernel.run_bare(measured, 1).nanoseconds);
            let mut spent = kernel.run(&syn, 1).nanoseconds;
            if matches!(of, Each::Hello | Each::Both) {
                let syn = std::mem::replace(&mut spent, kernel.run(&hello, 1).nanoseconds);
                if matches!(of, Each::Both) {
                    spent += syn;
                }
            }
            program.push(spent);
        }
        let frame = elsewhere(&self.flow(1)).frame();
        let many = nanoseconds(kernel.run_bare(&frame, 100_000).nanoseconds);
        let bare = median(bare);
        let runs = if matches!(of, Each::Both) { 2.0 } else { 1.0 };
        Cost { program: many + median(program) - runs * bare, bare: many }
    }

    /// The numbered flow.
    fn flow(&self, number: u32) -> Flow {
        let port = 1024 + u16::try_from(number % PORTS).expect("below 60000");
        let source = match (self.verdict, self.is_v6) {
            (Verdict::Banned, is_v6) => BANNED[usize::from(is_v6)].parse().expect("an address"),
            (Verdict::Denied, false) => IpAddr::from([10, 1, 243, 7]),
            (Verdict::Denied, true) => "fd00:1f3::7".parse().expect("an address"),
            (_, false) => SOURCE,
            (_, true) => "2001:db8:1:2::7".parse().expect("an address"),
        };
        // Where the ports are used up, with another of the gateway's addresses.
        let host = 1 + number / PORTS;
        let gateway = if self.is_v6 {
            IpAddr::from((0x2001_0db8_u128 << 96 | u128::from(host)).to_be_bytes())
        } else {
            IpAddr::from((0xc633_6400 | host).to_be_bytes())
        };
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
fn generous() -> Rate {
    Rate::per_second(1_000_000_000, u32::MAX)
}

fn median(mut values: Vec<u128>) -> f64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().map_or(0.0, nanoseconds)
}

#[expect(clippy::cast_precision_loss, reason = "a run takes less than a second")]
fn nanoseconds(nanoseconds: u128) -> f64 {
    nanoseconds as f64
}
