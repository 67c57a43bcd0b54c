//! What a network interface does by itself, as `ethtool` shows it.

use std::io;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// `ETHTOOL_GFLAGS`: features of old, among them the one that is wanted here.
const GET_FLAGS: u32 = 0x25;
/// `ETH_FLAG_RXVLAN`
const RX_VLAN: u32 = 1 << 8;
const SIOCETHTOOL: libc::Ioctl = 0x8946;

/// `struct ethtool_value`
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// `struct ifreq`, as this ioctl reads it.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    value: *mut EthtoolValue,
    rest: [u8; 16],
}

/// Whether the interface takes VLAN tags out of frames before anybody sees them.
///
/// # Errors
/// When the system does not say.
pub fn strips_vlan_tags(interface: &str) -> io::Result<bool> {
    let mut value = EthtoolValue { command: GET_FLAGS, data: 0 };
    let mut request = Request { name: [0; libc::IFNAMSIZ], value: &raw mut value, rest: [0; 16] };
    let room = request.name.len() - 1;
    for (to, from) in request.name.iter_mut().zip(interface.bytes().take(room)) {
        *to = from;
    }
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: the request and the value that it points to live until the call returns, and are what the ioctl expects.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(value.data & RX_VLAN != 0)
}
