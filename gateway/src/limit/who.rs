//! Who is limited.

use std::net::{IpAddr, SocketAddr};

use fleetgate_ebpf::abi::{Address, limit_key};

use crate::device::Device;
use crate::device::identity::Fingerprint;

/// Who is limited: a device, or, where no certificate verified, a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// By the fingerprint of its certificate.
    Device(Fingerprint),
    /// By its address.
    Source(Address),
}

impl Who {
    /// Who is there.
    pub fn of(source: SocketAddr, device: &Device) -> Self {
        match device.verified() {
            Some(verified) => Self::Device(verified.identity.fingerprint),
            None => Self::Source(source_key(source.ip())),
        }
    }
}

/// What counts as one source: an IPv4 address, or an IPv6 /64.
pub fn source_key(address: IpAddr) -> Address {
    limit_key(&address.into())
}
