//! Where a scenario happens: on loopback, or in two namespaces with XDP between them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use fleetgate_namespace::{Namespace, NamespaceError};

use super::scenario::Network;
use crate::server;
use crate::suite::link::{self, End};

/// The gateway's interface.
pub(super) const INTERFACE: &str = "devices0";
/// The devices'.
const PEER: &str = "gateway0";
const PORT: u16 = 8443;

const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const GATEWAY_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// Where devices come from, a /16 a fleet.
const DEVICES: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 0);
const DEVICES_PREFIX: &str = "10.64.0.0/10";
/// The same of IPv6, a /48 a fleet, and a /64 a source: limits take that for one.
const DEVICES_6_PREFIX: &str = "2001:db8:8000::/33";
/// The same on loopback.
const ALIASES: Ipv4Addr = Ipv4Addr::new(127, 64, 0, 0);

/// Programs that namespaces take, each with its Debian package.
pub const TOOLS: [(&str, &str); 2] = [("ip", "iproute2"), ("ethtool", "ethtool")];

/// Where it happens.
pub(super) enum Place {
    /// On loopback, with the port.
    Loopback(u16),
    /// In namespaces, which end with whoever holds them.
    Namespaces { edge: Namespace, fleet: Namespace },
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Namespaces, or what is in them.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// Ports.
    #[error("no place for devices: {0}")]
    Io(#[from] io::Error),
}

impl Place {
    /// Makes it.
    pub(super) fn make(network: Network) -> Result<Self, PlaceError> {
        match network {
            Network::Loopback => Ok(Self::Loopback(server::free_address()?.port())),
            Network::Namespaces => {
                let (edge, fleet) = (Namespace::create()?, Namespace::create()?);
                connect(&edge, &fleet)?;
                Ok(Self::Namespaces { edge, fleet })
            }
        }
    }

    /// Where devices are, if not here.
    pub(super) fn fleet(&self) -> Option<&Namespace> {
        match self {
            Self::Loopback(_) => None,
            Self::Namespaces { fleet, .. } => Some(fleet),
        }
    }

    /// Takes the calling thread to where the gateway is, for good.
    pub(super) fn enter(&self) -> Result<(), NamespaceError> {
        match self {
            Self::Loopback(_) => Ok(()),
            Self::Namespaces { edge, .. } => edge.enter(),
        }
    }

    /// Interfaces with XDP.
    pub(super) fn interfaces(&self) -> &'static [&'static str] {
        match self {
            Self::Loopback(_) => &[],
            Self::Namespaces { .. } => &[INTERFACE],
        }
    }

    /// Where the gateway listens: for IPv4 and for IPv6.
    pub(super) fn listens(&self) -> [SocketAddr; 2] {
        let (v4, v6, port) = match self {
            Self::Loopback(port) => (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST, *port),
            Self::Namespaces { .. } => (GATEWAY, GATEWAY_6, PORT),
        };
        [SocketAddrV4::new(v4, port).into(), SocketAddrV6::new(v6, port, 0, 0).into()]
    }

    /// The `number`th source of the `block`th fleet, both from 0.
    pub(super) fn source(&self, block: u8, number: u16, ipv6: bool) -> IpAddr {
        let host = (u32::from(block) << 16) + u32::from(number) + 1;
        match (self, ipv6) {
            (Self::Loopback(_), true) => Ipv6Addr::LOCALHOST.into(),
            (Self::Loopback(_), false) => Ipv4Addr::from_bits(ALIASES.to_bits() + host).into(),
            (Self::Namespaces { .. }, true) => {
                Ipv6Addr::new(0x2001, 0xdb8, 0x8000 + u16::from(block), number, 0, 0, 0, 1).into()
            }
            (Self::Namespaces { .. }, false) => Ipv4Addr::from_bits(DEVICES.to_bits() + host).into(),
        }
    }
}

fn connect(edge: &Namespace, fleet: &Namespace) -> Result<(), PlaceError> {
    let near = End { namespace: edge, interface: INTERFACE, addresses: &["192.0.2.1/30", "2001:db8::1/64"] };
    link::join(
        near,
        End { namespace: fleet, interface: PEER, addresses: &["192.0.2.2/30", "2001:db8::2/64"] },
    )?;
    for (namespace, line) in [
        (edge, format!("ip route add {DEVICES_PREFIX} via 192.0.2.2")),
        (edge, format!("ip route add {DEVICES_6_PREFIX} via 2001:db8::2")),
        (fleet, format!("ip route add local {DEVICES_PREFIX} dev lo")),
        (fleet, format!("ip route add local {DEVICES_6_PREFIX} dev lo")),
    ] {
        namespace.call(&line)?;
    }
    for (setting, value) in [
        // Behind one address there are more devices than the usual range has ports.
        ("ipv4/ip_local_port_range", "1025 65535"),
        ("ipv4/tcp_tw_reuse", "1"),
        // The addresses of a local route are not enough for a socket of IPv6.
        ("ipv6/ip_nonlocal_bind", "1"),
    ] {
        fleet.run(|| std::fs::write(format!("/proc/sys/net/{setting}"), value))??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fleet_has_addresses_of_its_own() {
        let place = Place::Loopback(1);
        let address = |block, number, ipv6| place.source(block, number, ipv6).to_string();
        assert_eq!(address(0, 0, false), "127.64.0.1");
        assert_eq!(address(1, 255, false), "127.65.1.0");
        assert_eq!(address(3, 1, true), "::1");
    }
}
