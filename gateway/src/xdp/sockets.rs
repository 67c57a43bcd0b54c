//! The listeners' sockets in the kernel's hands: one map of them, which an `sk_reuseport` program chooses from by CPU, and an
//! `sk_lookup` program for prefixes that no listener is bound to.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};

use aya::Ebpf;
use aya::maps::{MapData, MapError, SockMap};
use aya::programs::links::FdLink;
use aya::programs::{ProgramError, SkLookup, SkReuseport};
use fleetgate_ebpf::abi::{self, PortAddress, map, served};

use super::maps::{self, Result};
use super::pin::Folder;

/// A listener as the programs need it.
#[derive(Clone, Copy, Debug)]
pub struct Listening<'a> {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its sockets. The one of a worker is that with its number, or as many fewer as there are sockets fewer.
    pub sockets: &'a [TcpListener],
    /// Whether its peers are devices, so that it can take what comes for a served prefix.
    pub is_direct: bool,
}

/// The listeners that are known, and what chooses among their sockets.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    /// By slot.
    known: Vec<Option<SocketAddr>>,
    /// Detached when it is dropped, unless it is pinned.
    lookup: Option<FdLink>,
}

/// Why sockets are not chosen by a program.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    #[error("the kernel does not load the program: {0}")]
    Program(#[from] ProgramError),
    #[error("the kernel does not take the sockets: {0}")]
    Map(#[from] MapError),
    #[error("the network namespace cannot be opened: {0}")]
    Namespace(#[from] io::Error),
    #[error("the link cannot be pinned: {0}")]
    Pin(#[from] aya::pin::PinError),
    #[error("more than {} listeners", abi::MAX_LISTENERS)]
    TooMany,
    #[error("no listener without `proxy_protocol` can take it")]
    NoListener,
    #[error("the XDP object has no such program")]
    Incomplete,
}

impl Sockets {
    /// Writes the sockets of all listeners, those of new ones first. `cpus` has the CPU of each worker.
    pub(super) fn write(
        &mut self,
        ebpf: &mut Ebpf,
        listeners: &[Listening<'_>],
        cpus: &[Option<u32>],
    ) -> Result<(), SocketError> {
        for slot in &mut self.known {
            if let Some(address) = *slot
                && !listeners.iter().any(|listening| listening.address == address)
            {
                // The sockets leave their map when they close.
                let _ = maps::hash::<PortAddress, u32>(ebpf, map::LISTENERS)?.remove(&key(address));
                *slot = None;
            }
        }
        for listening in listeners {
            let begin = begin(self.slot(listening.address).ok_or(SocketError::TooMany)?, stride()?);
            write_sockets(ebpf, listening, begin, cpus)?;
            maps::hash::<PortAddress, u32>(ebpf, map::LISTENERS)?.insert(key(listening.address), begin, 0)?;
        }
        Ok(())
    }

    /// Has the program choose among the sockets of each listener; how many there are that it can choose for.
    pub(super) fn choose(ebpf: &mut Ebpf, listeners: &[Listening<'_>]) -> Result<usize, SocketError> {
        let program = ebpf.program_mut(abi::REUSEPORT).ok_or(SocketError::Incomplete)?;
        let program: &mut SkReuseport = program.try_into()?;
        if program.fd().is_err() {
            program.load()?;
        }
        let mut chosen = 0;
        for listening in listeners {
            let Some(socket) = listening.sockets.first() else { continue };
            match program.attach(socket) {
                Ok(()) => chosen += 1,
                // One socket, that a service manager did not bind to be shared: there is nothing to choose.
                Err(error) => {
                    tracing::warn!(address = %listening.address, %error, "its connections are not accepted by CPU");
                }
            }
        }
        Ok(chosen)
    }

    /// Leaves the choice to the kernel again: the program of a gateway before this one outlives it with the sockets.
    pub(super) fn leave(listeners: &[Listening<'_>]) {
        for socket in listeners.iter().filter_map(|listening| listening.sockets.first()) {
            // There is none, as a rule.
            let _ = SkReuseport::detach(socket);
        }
    }

    /// Has the second program give what comes for served prefixes to a listener, one for each family. Returns those.
    pub(super) fn serve(
        &mut self,
        ebpf: &mut Ebpf,
        listeners: &[Listening<'_>],
        pins: Option<&Folder>,
    ) -> Result<Vec<SocketAddr>, SocketError> {
        let direct = || listeners.iter().filter(|listening| listening.is_direct);
        let v4 = direct().find(|listening| takes_v4(listening.address));
        let v6 = direct().find(|listening| listening.address.is_ipv6());
        let mut serving = maps::array::<u32>(ebpf, map::SERVING)?;
        for (family, listening) in [(served::V4, v4), (served::V6, v6)] {
            let slot = listening.and_then(|listening| self.slot(listening.address));
            let begin = slot.map(|slot| Ok::<_, MapError>(begin(slot, stride()?) + 1)).transpose()?;
            serving.set(family, begin.unwrap_or(0), 0)?;
        }
        let mut takers: Vec<_> = v4.iter().chain(&v6).map(|listening| listening.address).collect();
        takers.dedup();
        if takers.is_empty() {
            return Err(SocketError::NoListener);
        }
        if self.lookup.is_none() {
            self.lookup = Some(attach(lookup_program(ebpf)?, pins)?);
        }
        Ok(takers)
    }

    /// Serves no prefixes any more.
    pub(super) fn serve_nothing(&mut self, pins: Option<&Folder>) {
        self.lookup = None;
        if let Some(pins) = pins {
            pins.forget_lookup();
        }
    }

    /// The slot of a listener, its own or a free one.
    fn slot(&mut self, address: SocketAddr) -> Option<u32> {
        let own = self.known.iter().position(|known| *known == Some(address));
        let index = own.or_else(|| self.known.iter().position(Option::is_none)).unwrap_or(self.known.len());
        if index == self.known.len() {
            self.known.push(None);
        }
        *self.known.get_mut(index)? = Some(address);
        u32::try_from(index).ok().filter(|slot| *slot < abi::MAX_LISTENERS)
    }
}

/// Sockets of one listener: any of them, and one for each CPU.
pub(super) fn stride() -> Result<u32> {
    let cpus = aya::util::nr_cpus().map_err(|(_, error)| MapError::IoError(error))?;
    Ok(u32::try_from(cpus).unwrap_or(abi::MAX_CPU) + 1)
}

const fn begin(slot: u32, stride: u32) -> u32 {
    slot * stride
}

fn write_sockets(ebpf: &mut Ebpf, listening: &Listening<'_>, begin: u32, cpus: &[Option<u32>]) -> Result<()> {
    let map = ebpf.map_mut(map::SOCKETS).ok_or_else(|| maps::missing(map::SOCKETS))?;
    let mut map = SockMap::<&mut MapData>::try_from(map)?;
    let Some(first) = listening.sockets.first() else { return Ok(()) };
    map.set(begin, first, 0)?;
    for (cpu, socket) in cpus.iter().zip(listening.sockets.iter().cycle()) {
        if let Some(cpu) = cpu {
            map.set(begin + 1 + cpu, socket, 0)?;
        }
    }
    Ok(())
}

/// How the program asks for a listener.
fn key(address: SocketAddr) -> PortAddress {
    PortAddress { port: address.port().to_be(), reserved: 0, address: address.ip().into() }
}

/// A socket on every IPv6 address takes IPv4 too: ours are bound that way.
fn takes_v4(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address == Ipv6Addr::UNSPECIFIED,
    }
}

fn lookup_program(ebpf: &mut Ebpf) -> Result<&mut SkLookup, SocketError> {
    Ok(ebpf.program_mut(abi::SK_LOOKUP).ok_or(SocketError::Incomplete)?.try_into()?)
}

/// Attaches to this network namespace, with a pin that outlives the process: a successor attaches its own program before it
/// takes the pin away.
fn attach(program: &mut SkLookup, pins: Option<&Folder>) -> Result<FdLink, SocketError> {
    if program.fd().is_err() {
        program.load()?;
    }
    let id = program.attach(File::open("/proc/thread-self/ns/net")?)?;
    let link: FdLink = program.take_link(id)?.into();
    let Some(pins) = pins else { return Ok(link) };
    pins.forget_lookup();
    Ok(link.pin(pins.lookup_path())?.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_listener_keeps_its_slot_and_a_free_one_is_used_again() {
        let mut sockets = Sockets::default();
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert_eq!([1, 2, 1, 3].map(|port| sockets.slot(address(port))), [0, 1, 0, 2].map(Some));
        sockets.known[1] = None;
        assert_eq!([3, 4].map(|port| sockets.slot(address(port))), [2, 1].map(Some));
        let many = (10..200).map(|port| sockets.slot(address(port)));
        assert_eq!(many.flatten().count() + 3, abi::MAX_LISTENERS as usize);
    }

    #[test]
    fn ipv4_is_taken_by_its_own_listeners_and_by_those_on_every_address() {
        let takes = |text: &str| takes_v4(text.parse().unwrap());
        assert!(takes("0.0.0.0:1") && takes("192.0.2.1:1") && takes("[::]:1"));
        assert!(!takes("[2001:db8::1]:1") && !takes("[::1]:1"));
    }
}
