//! Floods: what a gateway has to live through. Each is bounded in time and count, and meant for network namespaces.

mod connect;
mod hello;
mod pace;
mod syn;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use pace::Pace;

use crate::client::{LoadError, SetupError};

/// Of all sources; none of them is a device's.
pub const SOURCES: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 128, 0, 0), 9);
/// Sources with sockets, in [`SOURCES`].
pub const POOL: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 128, 0, 0), 16);

/// What a flood is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// SYNs, each from another source that does not exist.
    Syn,
    /// Connections from many sources, with whole hellos that ask for names that nobody serves.
    UnknownNames,
    /// Connections from few sources, with whole hellos for a host.
    KnownName,
    /// Handshakes from few sources, with a certificate of another CA.
    BadCertificates,
    /// Connections from many sources, with what is no TLS.
    Garbage,
}

/// What a flood is told.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is made of.
    pub kind: Kind,
    /// Whom it is for.
    pub target: SocketAddrV4,
    /// A folder that `fleetsim pki` wrote.
    pub pki: PathBuf,
    /// The host, where it names one.
    pub host: String,
    /// Packets or connections a second, at most.
    pub rate: u32,
    /// For how long.
    pub time: Duration,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum FloodError {
    /// No sockets.
    #[error("cannot flood: {0}")]
    Io(#[from] io::Error),
    /// No certificates.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// They cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A packet that cannot be.
    #[error("no packet: {0}")]
    Packet(#[from] etherparse::err::packet::BuildWriteError),
}

impl Kind {
    /// From how many addresses; none stands for as many as there are packets.
    pub fn sources(self) -> Option<u16> {
        match self {
            Self::Syn => None,
            Self::UnknownNames | Self::Garbage => Some(1024),
            Self::KnownName | Self::BadCertificates => Some(4),
        }
    }
}

/// Floods until its time is over.
///
/// # Errors
/// When it cannot begin. What becomes of its packets is nobody's concern here.
pub async fn run(plan: &Plan) -> Result<(), FloodError> {
    // Its time begins when everything is made.
    let pace = || Pace::begin(plan.rate, plan.time);
    match plan.kind.sources() {
        None => {
            let packets = syn::packets(plan.target)?;
            syn::flood(plan.target, &packets, &pace())
        }
        Some(sources) => {
            let visits = hello::visits(plan)?;
            connect::flood(plan.target.into(), sources, visits, &pace()).await;
            Ok(())
        }
    }
}

/// The `number`th source of the pool, from 0.
fn source(number: u16) -> IpAddr {
    // The first address of a network is nobody's.
    Ipv4Addr::from_bits(POOL.0.to_bits() + 1 + u32::from(number)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_of_the_pool_and_the_pool_is_of_all_sources() {
        let within = |address: u32, (network, length): (Ipv4Addr, u8)| {
            (address ^ network.to_bits()) >> (32 - u32::from(length)) == 0
        };
        for number in [0, 1, 1023] {
            let IpAddr::V4(source) = source(number) else { panic!("IPv4") };
            assert!(within(source.to_bits(), POOL) && within(source.to_bits(), SOURCES), "{source}");
        }
        assert_ne!(source(0), source(1));
    }
}
