//! The protected set, and the prefixes that are allowed or denied.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use aya::Ebpf;
use fleetgate_ebpf::abi::{Address, PortAddress, listed, map, port};
use ipnet::IpNet;

use super::maps::{self, Result};
use super::serve;
use crate::config::Xdp;

/// A prefix as the maps have it: its length in bits, and its address.
pub(super) fn prefix(network: &IpNet) -> (u32, Address) {
    let before = if network.addr().is_ipv4() { 96 } else { 0 };
    (before + u32::from(network.prefix_len()), network.network().into())
}

/// Writes what is protected: addresses first, so that a port that comes to depend on them finds them. `ports` are those
/// that were written before.
pub(super) fn protect(
    ebpf: &mut Ebpf,
    config: &Xdp,
    listeners: &[SocketAddr],
    ports: &mut Ports,
) -> Result<()> {
    let (mut wanted, addresses) = protected(&config.protect, listeners);
    let (served_ports, served) = serve::served(&config.serve);
    for (number, sets) in served_ports {
        *wanted.entry(number).or_insert(port::OPEN) |= sets;
    }
    maps::set_prefixes(ebpf, map::ADDRESSES, &addresses)?;
    maps::set_prefixes(ebpf, map::SERVED, &served)?;
    let mut map = maps::array::<u32>(ebpf, map::PORTS)?;
    for (number, kind) in &wanted {
        map.set((*number).into(), kind, 0)?;
    }
    for number in ports.keys().filter(|number| !wanted.contains_key(number)) {
        map.set((*number).into(), port::OPEN, 0)?;
    }
    *ports = wanted;
    Ok(())
}

/// Protected ports, and how.
pub(super) type Ports = HashMap<u16, u32>;
type Addresses = HashMap<(u32, PortAddress), u32>;
/// Bits of a key before its address.
const BEFORE_ADDRESS: u32 = 32;

/// The ports that are protected already.
pub(super) fn read_ports(ebpf: &mut Ebpf) -> Result<Ports> {
    let map = maps::array::<u32>(ebpf, map::PORTS)?;
    let mut ports = Ports::new();
    for number in 0..=u16::MAX {
        let kind = map.get(&number.into(), 0)?;
        if kind != port::OPEN {
            ports.insert(number, kind);
        }
    }
    Ok(ports)
}

/// What `ADDRESSES` and `PORTS` have to hold.
fn protected(networks: &[IpNet], listeners: &[SocketAddr]) -> (Ports, Addresses) {
    let (mut ports, mut addresses) = (Ports::new(), Addresses::new());
    for listener in listeners {
        let narrowed: Vec<_> = match listener.ip() {
            address if address.is_unspecified() => networks.to_vec(),
            address => vec![address.into()],
        };
        let kind = ports.entry(listener.port()).or_insert(port::BY_ADDRESS);
        if narrowed.is_empty() {
            *kind = port::PROTECTED;
        }
        for network in &narrowed {
            let (len, address) = prefix(network);
            let key = PortAddress { port: listener.port().to_be(), reserved: 0, address };
            addresses.insert((BEFORE_ADDRESS + len, key), 1);
        }
    }
    (ports, addresses)
}

/// Writes the lists. Whether there is anything on them.
pub(super) fn list(ebpf: &mut Ebpf, config: &Xdp) -> Result<bool> {
    let (mut v4, mut v6) = (HashMap::new(), HashMap::new());
    let allowed = config.allow.iter().map(|network| (network, listed::ALLOWED));
    for (network, word) in allowed.chain(config.deny.iter().map(|network| (network, listed::DENIED))) {
        let len = network.prefix_len().into();
        match network.network() {
            IpAddr::V4(address) => drop(v4.insert((len, address.to_bits().to_be()), word)),
            address @ IpAddr::V6(_) => drop(v6.insert((len, Address::from(address)), word)),
        }
    }
    maps::set_prefixes(ebpf, map::PREFIXES_V4, &v4)?;
    maps::set_prefixes(ebpf, map::PREFIXES_V6, &v6)?;
    Ok(!v4.is_empty() || !v6.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn a_listener_on_every_address_protects_its_port_everywhere_or_on_the_prefixes_that_are_given() {
        let everywhere = listeners(&["[::]:8443", "0.0.0.0:443"]);
        let (ports, addresses) = protected(&[], &everywhere);
        assert_eq!(ports, [(8443, port::PROTECTED), (443, port::PROTECTED)].into());
        assert!(addresses.is_empty());
        let (ports, addresses) = protected(&["192.0.2.0/24".parse().unwrap()], &everywhere);
        assert_eq!(ports, [(8443, port::BY_ADDRESS), (443, port::BY_ADDRESS)].into());
        assert!(addresses.len() == 2 && addresses.keys().all(|(len, _)| *len == BEFORE_ADDRESS + 96 + 24));
    }

    #[test]
    fn a_listener_on_one_address_protects_that_one() {
        let (ports, addresses) = protected(&[], &listeners(&["192.0.2.1:8443", "[2001:db8::1]:8443"]));
        assert_eq!(ports, [(8443, port::BY_ADDRESS)].into());
        assert!(addresses.len() == 2 && addresses.keys().all(|(len, _)| *len == BEFORE_ADDRESS + 128));
        let (ports, _) = protected(&[], &listeners(&["192.0.2.1:8443", "[::]:8443"]));
        assert_eq!(ports, [(8443, port::PROTECTED)].into());
    }
}
