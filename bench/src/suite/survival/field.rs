//! Where it happens: the gateway, the devices and the flood in a network namespace each, joined by veth.

use std::net::{Ipv4Addr, SocketAddrV4};

use fleetgate_namespace::{Namespace, NamespaceError};

use super::SurvivalError;
use super::napi::{self, Priority};
use crate::flood;
use crate::machine::Cpus;
use crate::suite::link::{self, End};

/// The gateway's interfaces: to the devices, and to the flood.
pub(super) const INTERFACES: [&str; 2] = ["devices0", "flood0"];
/// Where the gateway is.
pub(super) const PORT: u16 = 8443;
pub(super) const GATEWAY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), PORT);
/// The interface of devices and flood.
const PEER: &str = "gateway0";
/// Where devices come from.
const DEVICES: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 64, 0, 0), 16);

/// The namespaces. They, and all that is in them, end with whoever holds them.
pub(super) struct Field {
    /// The gateway's.
    pub(super) edge: Namespace,
    /// The devices'.
    pub(super) fleet: Namespace,
    /// The flood's.
    pub(super) outside: Namespace,
    /// The kernel's threads that take in what comes to the gateway,
    pub(super) napi: Vec<i32>,
    /// and what comes from it.
    pub(super) answers_napi: Vec<i32>,
}

impl Field {
    /// Builds it. What comes to the gateway is taken in on the server's CPU, the rest of it all on the other.
    pub(super) fn build(cpus: Cpus) -> Result<Self, SurvivalError> {
        let (edge, fleet, outside) = (Namespace::create()?, Namespace::create()?, Namespace::create()?);
        let [devices, flood] = INTERFACES;
        join(&edge, devices, "192.0.2.1/30", &fleet, "192.0.2.2/30", DEVICES)?;
        join(&edge, flood, "192.0.2.5/30", &outside, "192.0.2.6/30", flood::SOURCES)?;
        // Those of them that have sockets.
        local(&fleet, DEVICES)?;
        local(&outside, flood::POOL)?;
        let (mut napi, mut answers_napi) = (Vec::new(), Vec::new());
        for interface in INTERFACES {
            napi.extend(napi::pin(&edge, interface, cpus.server, Priority::Interrupt)?);
        }
        for (peer, priority) in [(&fleet, Priority::Interrupt), (&outside, Priority::Flood)] {
            answers_napi.extend(napi::pin(peer, PEER, cpus.load, priority)?);
        }
        Ok(Self { edge, fleet, outside, napi, answers_napi })
    }

    /// Where the `number`th device comes from, from 0.
    pub(super) fn device(number: u16) -> Ipv4Addr {
        Ipv4Addr::from_bits(DEVICES.0.to_bits() + 1 + u32::from(number))
    }

    /// Packets that the flood has offered so far, also those for which a queue was full.
    pub(super) fn offered(&self) -> Result<u64, SurvivalError> {
        let counters = self.outside.run(|| std::fs::read_to_string("/proc/thread-self/net/dev"))??;
        sent(&counters, PEER).ok_or(SurvivalError::NoCounters)
    }
}

fn join(
    edge: &Namespace,
    interface: &str,
    address: &str,
    peer: &Namespace,
    peer_address: &str,
    (network, length): (Ipv4Addr, u8),
) -> Result<(), NamespaceError> {
    let near = End { namespace: edge, interface, addresses: &[address] };
    link::join(near, End { namespace: peer, interface: PEER, addresses: &[peer_address] })?;
    let via = |address: &str| address.split('/').next().unwrap_or_default().to_owned();
    edge.call(&format!("ip route add {network}/{length} via {}", via(peer_address)))?;
    peer.call(&format!("ip route add default via {}", via(address))).map(drop)
}

/// All addresses of a network are the namespace's own.
fn local(namespace: &Namespace, (network, length): (Ipv4Addr, u8)) -> Result<(), NamespaceError> {
    namespace.call(&format!("ip route add local {network}/{length} dev lo")).map(drop)
}

/// Packets sent and dropped on the way out, of an interface, as `/proc/net/dev` has them.
fn sent(counters: &str, interface: &str) -> Option<u64> {
    let line = counters.lines().find_map(|line| line.trim().strip_prefix(interface)?.strip_prefix(':'))?;
    let mut numbers = line.split_whitespace().skip(8).map(|number| number.parse::<u64>().ok());
    let (_bytes, packets, _errors, dropped) =
        (numbers.next()?, numbers.next()??, numbers.next()?, numbers.next()??);
    Some(packets + dropped)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fleetgate_tests::skip;
    use nix::sched::{CpuSet, sched_getaffinity};
    use nix::unistd::Pid;

    use super::super::TOOLS;
    use super::*;

    #[test]
    fn what_was_offered_is_what_was_sent_and_what_was_dropped() {
        let counters = "Inter-|   Receive                                                |  Transmit\n \
                        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
                        lo:       1       2    3    4    5     6          7         8        9      10   11   12   13    14      15         16\n\
                        gateway0: 20      21    22   23   24    25         26        27       28     29   30   31   32    33      34         35\n";
        assert_eq!(sent(counters, PEER), Some(29 + 31));
        assert_eq!(sent(counters, "lo"), Some(22));
        assert_eq!(sent(counters, "gateway1"), None);
    }

    #[test]
    fn devices_are_not_where_floods_are() {
        let (first, last) = (Field::device(0), Field::device(9_999));
        assert_eq!(first.octets()[..2], last.octets()[..2]);
        assert!(last.to_bits() < flood::SOURCES.0.to_bits());
    }

    #[test]
    fn a_flood_is_counted_where_it_comes_from_and_taken_in_by_the_gateways_threads() {
        if !skip::unless_root() || !TOOLS.iter().all(|(program, _)| skip::unless_installed(program)) {
            return;
        }
        let cpus = Cpus::choose().unwrap();
        let field = Field::build(cpus).unwrap();
        assert_eq!(field.napi.len(), INTERFACES.len());
        for thread in &field.napi {
            let may_use = sched_getaffinity(Pid::from_raw(*thread)).unwrap();
            let used: Vec<_> = (0..CpuSet::count()).filter(|cpu| may_use.is_set(*cpu).unwrap()).collect();
            assert_eq!(used, [cpus.server]);
        }
        let before = (field.offered().unwrap(), received(&field));
        let (kind, pki, host) = (flood::Kind::Syn, std::path::PathBuf::new(), String::new());
        let plan =
            flood::Plan { kind, target: GATEWAY, pki, host, rate: 20_000, time: Duration::from_millis(200) };
        let run =
            || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(flood::run(&plan));
        field.outside.run(run).unwrap().unwrap();
        let after = (field.offered().unwrap(), received(&field));
        assert!(after.0 - before.0 >= 64 && after.1 - before.1 >= 64, "{before:?} {after:?}");
        assert!(after.0 - before.0 <= 4_000 + 64, "{before:?} {after:?}");
    }

    /// TCP segments that came to the gateway.
    fn received(field: &Field) -> u64 {
        let counters = field.edge.call("cat /proc/net/snmp").unwrap();
        let numbers = counters.lines().filter(|line| line.starts_with("Tcp: ")).nth(1).unwrap();
        numbers.split(' ').nth(10).unwrap().parse().unwrap()
    }
}
