//! Servers that are measured: each its own process, with the same certificates in front of the same origin.

mod caddy;
mod fleetgate;
mod floor;
mod haproxy;
mod nginx;
mod pingora;
mod process;
mod program;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use fleetgate::Variant;
pub use fleetgate::knows_streams;
use haproxy::Mode;
pub use process::{Process, StartError};
pub use program::{find, version};

/// The host that all of them serve.
pub const HOST: &str = "iot.example.com";

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Fleetgate,
    /// Ours, with a verdict cache of one entry: no device is known when it comes.
    FleetgateCold,
    /// Ours, with a CRL beside each root.
    FleetgateCrl,
    /// Ours, asking nobody for a certificate: no policy decides.
    FleetgateOpen,
    /// Ours, as it is installed at the edge of a network: with the limits that it has by default, refusing devices without a good
    /// certificate in the handshake. XDP is on these interfaces, or off where there are none.
    FleetgateGuarded(&'static [&'static str]),
    /// Ours, passing on bytes: a host with `protocol = "tls"`.
    FleetgateStream,
    /// Somebody else's.
    Peer(Peer, Tickets),
    /// Ours, with 10,000 policies to be stored, and a worker more.
    FleetgateStored,
    /// `HAProxy` passing on bytes: its TCP mode.
    HaproxyStream,
    /// The least that the work takes.
    Floor,
}

/// Whether a server hands out session tickets. Nobody uses them here, but making them takes time; the gateway has none
/// for devices, because a resumed session skips the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tickets {
    /// No: the same work as ours.
    Off,
    /// Yes, as installed.
    Default,
}

/// Somebody else's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    /// nginx.
    Nginx,
    /// `HAProxy`.
    Haproxy,
    /// Caddy.
    Caddy,
    /// Pingora, with `BoringSSL`.
    Pingora,
}

/// What a server needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// Its own folder, for its configuration and whatever it writes.
    pub folder: &'a Path,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it forwards to.
    pub origin: SocketAddr,
    /// The server's chain.
    pub certificate: &'a Path,
    /// The server's key.
    pub key: &'a Path,
    /// Roots of devices, each in its own file.
    pub roots: &'a [PathBuf],
    /// The same roots in one file.
    pub all_roots: &'a Path,
    /// The gateway's binary.
    pub gateway: &'a Path,
    /// This binary, which is the floor as well.
    pub own: &'a Path,
}

impl Peer {
    /// The usual ones, which packages bring. Pingora has to be built, and is asked for by name.
    pub const USUAL: [Self; 3] = [Self::Nginx, Self::Haproxy, Self::Caddy];

    /// Its name, and that of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Pingora => "pingora",
        }
    }
}

impl Kind {
    /// Its name in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fleetgate => "fleetgate",
            Self::FleetgateCold => "fleetgate, cold cache",
            Self::FleetgateCrl => "fleetgate, with a CRL",
            Self::FleetgateOpen => "fleetgate, open",
            Self::FleetgateGuarded(_) => "fleetgate, guarded",
            Self::FleetgateStream => "fleetgate, tls host",
            Self::FleetgateStored => "fleetgate, stored",
            Self::HaproxyStream => "haproxy, TCP mode",
            Self::Peer(peer, Tickets::Off) => peer.name(),
            Self::Peer(Peer::Nginx, Tickets::Default) => "nginx, tickets",
            Self::Peer(Peer::Haproxy, Tickets::Default) => "haproxy, tickets",
            Self::Peer(Peer::Caddy, Tickets::Default) => "caddy, tickets",
            Self::Peer(Peer::Pingora, Tickets::Default) => "pingora, tickets",
            Self::Floor => "floor",
        }
    }

    /// Writes its configuration and gives the command that starts it, in the foreground.
    ///
    /// # Errors
    /// When its files cannot be written or its program is not there.
    pub fn command(self, site: &Site<'_>) -> io::Result<Command> {
        match self {
            Self::Fleetgate => fleetgate::command(site, Variant::Usual),
            Self::FleetgateCold => fleetgate::command(site, Variant::Cold),
            Self::FleetgateCrl => fleetgate::command(site, Variant::Crl),
            Self::FleetgateOpen => fleetgate::command(site, Variant::Open),
            Self::FleetgateGuarded(interfaces) => fleetgate::command(site, Variant::Guarded(interfaces)),
            Self::FleetgateStream => fleetgate::command(site, Variant::Stream),
            Self::FleetgateStored => fleetgate::command(site, Variant::Stored),
            Self::Peer(Peer::Nginx, tickets) => nginx::command(site, tickets),
            Self::Peer(Peer::Haproxy, tickets) => haproxy::command(site, tickets, Mode::Http),
            Self::HaproxyStream => haproxy::command(site, Tickets::Off, Mode::Tcp),
            Self::Peer(Peer::Caddy, tickets) => caddy::command(site, tickets),
            Self::Peer(Peer::Pingora, tickets) => pingora::command(site, tickets),
            Self::Floor => Ok(floor::command(site)),
        }
    }
}

/// An address of this machine that is free now.
///
/// # Errors
/// When the system has none.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The command for an installed program.
fn program(name: &str) -> io::Result<Command> {
    let path = find(name)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{name} is not installed")))?;
    Ok(Command::new(path))
}

#[cfg(test)]
mod tests;
