//! The layout of the maps. Keys are in network order and without padding; a test holds the sizes.

mod address;
mod settings;
mod state;
mod steer;

pub use address::{Address, limit_key};
pub use settings::{Settings, UnknownSni, has};
pub use state::{Ban, EVENT_NAME, Event, FlowState, HostAccount, Source, Stage};
pub use steer::{ALL, CpuSet, MAX_CPU, MAX_CPUS, MAX_LAST, MAX_SET, MAX_SETS, NO_CPU, flow_hash};

/// The names of the maps, as userspace looks them up.
pub mod map {
    /// `Array<Settings>`, two entries: the one in force, and the one that is written next.
    pub const SETTINGS: &str = "SETTINGS";
    /// `Array<u32>`, one entry: the generation, whose lowest bit says which settings are in force.
    pub const GENERATION: &str = "GENERATION";
    /// `Array<u32>`: by TCP port, a [`port`](super::port).
    pub const PORTS: &str = "PORTS";
    /// `LpmTrie<PortAddress, u32>`: protected addresses of ports that are protected on some addresses only.
    pub const ADDRESSES: &str = "ADDRESSES";
    /// `LpmTrie<u32, u32>`: IPv4 prefixes, each with a [`listed`](super::listed).
    pub const PREFIXES_V4: &str = "PREFIXES_V4";
    /// `LpmTrie<Address, u32>`: IPv6 prefixes, likewise.
    pub const PREFIXES_V6: &str = "PREFIXES_V6";
    /// `LruHashMap<Address, Ban>`: banned sources, by [`limit_key`](super::limit_key).
    pub const BANS: &str = "BANS";
    /// `LruHashMap<HostBanKey, Ban>`: sources that are banned from one host.
    pub const HOST_BANS: &str = "HOST_BANS";
    /// `HashMap<HostKey, u32>`: a host's slot.
    pub const HOSTS: &str = "HOSTS";
    /// `Array<u64>`: by slot, the TAT of the host's hello limit.
    pub const HOST_TATS: &str = "HOST_TATS";
    /// `PerCpuArray<HostAccount>`: by slot, what came for the host.
    pub const HOST_ACCOUNTS: &str = "HOST_ACCOUNTS";
    /// `LruHashMap<Address, Source>`: the limits of sources, by [`limit_key`](super::limit_key).
    pub const SOURCES: &str = "SOURCES";
    /// `LruHashMap<Address, Source>`: the same for sources of verified devices. Only userspace adds to it.
    pub const VERIFIED: &str = "VERIFIED";
    /// `Array<u64>`: by [`total`](super::total), the TAT of a limit that all sources share.
    pub const TOTALS: &str = "TOTALS";
    /// `Array<u64>`: by destination port, when one more SYN was left to the stack while XDP gave cookies.
    pub const COOKIES: &str = "COOKIES";
    /// `LruHashMap<FlowKey, FlowState>`.
    pub const FLOWS: &str = "FLOWS";
    /// `PerCpuArray<u64>`: packets by verdict.
    pub const COUNTERS: &str = "COUNTERS";
    /// `RingBuf` of [`Event`](super::Event)s.
    pub const EVENTS: &str = "EVENTS";
    /// `Array<u64>`: by verdict, the TAT of its events.
    pub const EVENT_TATS: &str = "EVENT_TATS";
    /// `CpuMap`: the CPUs that packets are steered to.
    pub const CPUS: &str = "CPUS";
    /// `Array<CpuSet>`: sets of CPUs, the first of which is that of all.
    pub const CPU_SETS: &str = "CPU_SETS";
    /// `Array<u32>`: by slot, the host's set.
    pub const HOST_SETS: &str = "HOST_SETS";
    /// `LruHashMap<Address, u32>`: by source, the set of its last host.
    pub const LAST_SETS: &str = "LAST_SETS";
    /// `PerCpuArray<u64>`: packets by the CPU that they were steered to.
    pub const STEERED: &str = "STEERED";
    /// `HashMap<PortAddress, u32>`: by a listener's own port and address, where its sockets begin in `SOCKETS`.
    pub const LISTENERS: &str = "LISTENERS";
    /// `SockMap`: for each listener any socket, and behind it that of each CPU's worker.
    pub const SOCKETS: &str = "SOCKETS";
    /// `LpmTrie<Address, u32>`: served prefixes, each with the port sets that are served there.
    pub const SERVED: &str = "SERVED";
    /// `Array<u32>`, by [`served`](super::served): where the sockets begin of the listener that serves the prefixes, plus one.
    pub const SERVING: &str = "SERVING";
}

/// The name of the XDP program in the object.
pub const PROGRAM: &str = "fleetgate_xdp";
/// The name of the one that passes everything.
pub const BARE: &str = "fleetgate_bare";
/// The name of the `sk_reuseport` program.
pub const REUSEPORT: &str = "fleetgate_reuseport";
/// The name of the `sk_lookup` program.
pub const SK_LOOKUP: &str = "fleetgate_sk_lookup";

/// The name of a global: 0 has the verifier leave out what SYN cookies need, where the kernel has it not.
pub const MAKES_COOKIES: &str = "MAKES_COOKIES";

/// Hosts that the `HOSTS` map holds unless it is loaded with another size.
pub const MAX_HOSTS: u32 = 4096;
/// Sources that the limit table holds unless it is loaded with another size.
pub const MAX_SOURCES: u32 = 65_536;
/// Sources of verified devices that are remembered unless the table is loaded with another size.
pub const MAX_VERIFIED: u32 = 32_768;
/// Flows that the flow table holds unless it is loaded with another size.
pub const MAX_FLOWS: u32 = 65_536;
/// Bans that each of the ban tables holds unless it is loaded with another size.
pub const MAX_BANS: u32 = 16_384;
/// Prefixes that each of the lists holds unless it is loaded with another size.
pub const MAX_PREFIXES: u32 = 16_384;
/// Addresses that the protected set holds unless it is loaded with another size.
pub const MAX_ADDRESSES: u32 = 1024;
/// Bytes of the ring buffer of events.
pub const EVENT_BYTES: u32 = 65_536;
/// Listeners whose sockets are known to the programs.
pub const MAX_LISTENERS: u32 = 64;
/// Prefixes that are served beside the listeners' own addresses.
pub const MAX_SERVED: u32 = 256;

/// What a TCP port is: bits.
pub mod port {
    /// Not ours.
    pub const OPEN: u32 = 0;
    /// Protected on every address.
    pub const PROTECTED: u32 = 1;
    /// Protected on the addresses that `ADDRESSES` has with it.
    pub const BY_ADDRESS: u32 = 2;
    /// From this bit on: the port sets of served prefixes that it is in.
    pub const SETS: u32 = 2;
    /// How many port sets there can be.
    pub const MAX_SETS: u32 = 32 - SETS;
}

/// Whose traffic a listener can take, as indices of `SERVING`.
pub mod served {
    /// IPv4.
    pub const V4: u32 = 0;
    /// IPv6.
    pub const V6: u32 = 1;
    /// How many there are.
    pub const COUNT: u32 = 2;
}

/// What is said of a prefix of sources.
pub mod listed {
    /// No ban and no limit touches it.
    pub const ALLOWED: u32 = 1;
    /// All that it sends is dropped.
    pub const DENIED: u32 = 2;
}

/// Limits that all sources share, as indices of `TOTALS`.
pub mod total {
    /// SYNs.
    pub const SYN: u32 = 0;
    /// First data segments.
    pub const HELLO: u32 = 1;
    /// Flows of unknown sources that are remembered.
    pub const NEW_FLOWS: u32 = 2;
    /// How many there are.
    pub const COUNT: u32 = 3;
}

/// A protected address and port. Address bits behind the prefix length do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct PortAddress {
    /// In network order.
    pub port: u16,
    /// 0.
    pub reserved: u16,
    /// The address.
    pub address: Address,
}

/// One direction of a TCP connection, as it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct FlowKey {
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Source port, in network order.
    pub source_port: u16,
    /// Destination port, in network order.
    pub destination_port: u16,
}

/// A source that is banned from one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct HostBanKey {
    /// The source, by [`limit_key`].
    pub source: Address,
    /// The host's slot.
    pub slot: u32,
}

#[cfg(feature = "user")]
mod pod {
    #![expect(unsafe_code, reason = "aya asks for the promise that these types are plain data")]

    // SAFETY: `repr(C)`, only integers and arrays of them, no padding (see the size tests below).
    unsafe impl aya::Pod for super::Settings {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Address {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::PortAddress {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::FlowKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::FlowState {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::HostBanKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Ban {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Source {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::HostAccount {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::CpuSet {}
    // SAFETY: a transparent u64.
    unsafe impl aya::Pod for crate::name::HostKey {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::siphash::Secret;

    #[test]
    fn nothing_is_padded() {
        assert_eq!(size_of::<Settings>(), size_of::<Secret>() + settings::LIMITS * 16 + 4 + 4);
        assert_eq!(size_of::<PortAddress>(), 2 + 2 + 16);
        assert_eq!(size_of::<FlowKey>(), 16 + 16 + 2 + 2);
        assert_eq!(size_of::<HostBanKey>(), 16 + 4);
        assert_eq!(size_of::<FlowState>(), 4 + 4 + 4 + 4);
        assert_eq!(size_of::<CpuSet>(), 4 + 4 * MAX_SET + MAX_CPU as usize / 8);
        assert_eq!(size_of::<Ban>(), 3 * 8 + 4 + 4);
        assert_eq!(size_of::<Source>(), 5 * 8);
        assert_eq!(size_of::<HostAccount>(), 5 * 8);
        assert_eq!(size_of::<Event>(), 16 + 4 + 2 + 2 + EVENT_NAME);
    }
}
