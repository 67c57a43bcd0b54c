//! The layout of the maps. Keys are byte arrays in network order without padding; a test holds the sizes.

use crate::gcra::Rate;
use crate::siphash::Secret;

/// An address as 16 bytes: IPv6, or IPv4 mapped into it (RFC 4291, 2.5.5.2).
pub type Address = [u8; 16];

/// Prefix of an IPv4-mapped address.
pub const V4_MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// The names of the maps, as userspace looks them up.
pub mod map {
    /// `Array<Settings>`, one entry.
    pub const SETTINGS: &str = "SETTINGS";
    /// `Array<u64>`: a bitmap of the protected TCP ports, 64 a word.
    pub const PORTS: &str = "PORTS";
    /// `HashMap<HostKey, u32>`: a host's slot.
    pub const HOSTS: &str = "HOSTS";
    /// `Array<u64>`: by slot, the TAT of the host's hello limit.
    pub const HOST_TATS: &str = "HOST_TATS";
    /// `PerCpuArray<u64>`: by slot, hellos that matched the host.
    pub const HOST_HELLOS: &str = "HOST_HELLOS";
    /// `LruHashMap<Address, u64>`: a source's TAT for SYNs.
    pub const SYN_TATS: &str = "SYN_TATS";
    /// `LruHashMap<Address, u64>`: a source's TAT for hellos.
    pub const HELLO_TATS: &str = "HELLO_TATS";
    /// `LruHashMap<FlowKey, FlowState>`.
    pub const FLOWS: &str = "FLOWS";
    /// `PerCpuArray<u64>`: packets by verdict.
    pub const COUNTERS: &str = "COUNTERS";
}

/// The name of the XDP program in the object.
pub const PROGRAM: &str = "fleetgate_xdp";

/// Hosts that the `HOSTS` map holds unless it is loaded with another size.
pub const MAX_HOSTS: u32 = 4096;
/// Sources that the limit tables hold unless they are loaded with another size.
pub const MAX_SOURCES: u32 = 65_536;
/// Flows that the flow table holds unless it is loaded with another size.
pub const MAX_FLOWS: u32 = 65_536;

/// What userspace configures.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Settings {
    /// Key of the name hash, drawn at every load.
    pub secret: Secret,
    /// SYNs of one source: an IPv4 address or an IPv6 /64.
    pub syn_per_source: Rate,
    /// First data segments of one source.
    pub hello_per_source: Rate,
    /// Hellos that name one host.
    pub hello_per_host: Rate,
    /// An [`UnknownSni`].
    pub unknown_sni: u32,
    /// 1 once userspace has written the settings.
    pub configured: u32,
}

/// What happens to a complete hello that names no served host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum UnknownSni {
    /// Userspace answers with the alert `unrecognized_name`.
    #[default]
    Pass = 0,
    /// The hello is dropped; the client gives up in its own time.
    Drop = 1,
    /// The server's socket is freed at once, and the client is reset on its next packet.
    Reset = 2,
}

/// One direction of a TCP connection, as it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct FlowKey {
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Source port, big-endian.
    pub source_port: [u8; 2],
    /// Destination port, big-endian.
    pub destination_port: [u8; 2],
}

/// What is remembered of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FlowState {
    /// The sequence number of the first payload byte: the SYN's plus one.
    pub first_byte: u32,
    /// 0 until the first data segment was judged and passed, then 1.
    pub judged: u32,
}

/// The source that a limit counts: the IPv4 address, or the /64 of an IPv6 address, which one site owns whole.
#[inline(always)]
pub fn limit_key(source: &Address) -> Address {
    let mut key = *source;
    let mut v4 = true;
    let mut index = 0;
    while index < V4_MAPPED.len() {
        v4 &= source[index] == V4_MAPPED[index];
        index += 1;
    }
    if !v4 {
        index = 8;
        while index < 16 {
            key[index] = 0;
            index += 1;
        }
    }
    key
}

#[cfg(feature = "user")]
mod pod {
    #![expect(unsafe_code, reason = "aya asks for the promise that these types are plain data")]

    // SAFETY: `repr(C)`, only integers and arrays of them, no padding (see the size tests below).
    unsafe impl aya::Pod for super::Settings {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::FlowKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::FlowState {}
    // SAFETY: a transparent u64.
    unsafe impl aya::Pod for crate::name::HostKey {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_padded() {
        assert_eq!(size_of::<Settings>(), 16 + 3 * 16 + 4 + 4);
        assert_eq!(size_of::<FlowKey>(), 16 + 16 + 2 + 2);
        assert_eq!(align_of::<FlowKey>(), 1);
        assert_eq!(size_of::<FlowState>(), 8);
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_64() {
        let v4 = core::net::Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().octets();
        assert_eq!(limit_key(&v4), v4);
        let v6 = "2001:db8:1:2:3:4:5:6".parse::<core::net::Ipv6Addr>().unwrap().octets();
        let site = "2001:db8:1:2::".parse::<core::net::Ipv6Addr>().unwrap().octets();
        assert_eq!(limit_key(&v6), site);
    }
}
