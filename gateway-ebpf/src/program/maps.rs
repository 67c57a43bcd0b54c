//! The maps, private to this module, and what can be done with them.

use aya_ebpf::macros::map;
use aya_ebpf::maps::lpm_trie::Key;
use aya_ebpf::maps::{Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, RingBuf};
use fleetgate_ebpf::abi::{
    self, Address, Ban, Event, FlowKey, FlowState, HostAccount, HostBanKey, PortAddress, Settings, Source,
};
use fleetgate_ebpf::frame::Segment;
use fleetgate_ebpf::hello::Window;
use fleetgate_ebpf::name::{HostKey, NameBuffer};
use fleetgate_ebpf::reply;
use fleetgate_ebpf::verdict::Verdict;

use super::socket;

#[map]
static SETTINGS: Array<Settings> = Array::with_max_entries(2, 0);
#[map]
static GENERATION: Array<u32> = Array::with_max_entries(1, 0);
#[map]
static PORTS: Array<u32> = Array::with_max_entries(65_536, 0);
#[map]
static ADDRESSES: LpmTrie<PortAddress, u32> = LpmTrie::with_max_entries(abi::MAX_ADDRESSES, 0);
#[map]
static PREFIXES_V4: LpmTrie<u32, u32> = LpmTrie::with_max_entries(abi::MAX_PREFIXES, 0);
#[map]
static PREFIXES_V6: LpmTrie<Address, u32> = LpmTrie::with_max_entries(abi::MAX_PREFIXES, 0);
#[map]
static BANS: LruHashMap<Address, Ban> = LruHashMap::with_max_entries(abi::MAX_BANS, 0);
#[map]
static HOST_BANS: LruHashMap<HostBanKey, Ban> = LruHashMap::with_max_entries(abi::MAX_BANS, 0);
#[map]
static HOSTS: HashMap<HostKey, u32> = HashMap::with_max_entries(abi::MAX_HOSTS, 0);
#[map]
static HOST_TATS: Array<u64> = Array::with_max_entries(abi::MAX_HOSTS, 0);
#[map]
static HOST_ACCOUNTS: PerCpuArray<HostAccount> = PerCpuArray::with_max_entries(abi::MAX_HOSTS, 0);
#[map]
static SOURCES: LruHashMap<Address, Source> = LruHashMap::with_max_entries(abi::MAX_SOURCES, 0);
#[map]
static VERIFIED: LruHashMap<Address, Source> = LruHashMap::with_max_entries(abi::MAX_VERIFIED, 0);
#[map]
static TOTALS: Array<u64> = Array::with_max_entries(abi::total::COUNT, 0);
#[map]
static COOKIES: Array<u64> = Array::with_max_entries(65_536, 0);
#[map]
static FLOWS: LruHashMap<FlowKey, FlowState> = LruHashMap::with_max_entries(abi::MAX_FLOWS, 0);
#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Verdict::COUNT, 0);
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(abi::EVENT_BYTES, 0);
#[map]
static EVENT_TATS: Array<u64> = Array::with_max_entries(Verdict::COUNT, 0);
#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// Room for what does not fit on the 512-byte stack.
#[repr(C)]
pub(super) struct Scratch {
    /// The start of the payload.
    pub(super) window: Window,
    /// The server name, and after it the parent name of its wildcard.
    pub(super) name: NameBuffer,
    /// Where the name lies in the packet, and its length, which is 0 where there is none.
    pub(super) name_place: (usize, usize),
    /// What is told next.
    pub(super) event: Event,
    /// The answer to a client whose connection has ended.
    pub(super) answer: Answer<{ reply::RST_V4 }, { reply::RST_V6 }>,
    /// What a SYN cookie is made of, and the answer that has it.
    pub(super) cookie: Cookie,
    /// A source with its first SYN: nothing else is ever written. Clearing one on the stack is a call, byte by byte.
    fresh: Source,
    /// The last tick that this CPU has looked at.
    pub(super) tick: Tick,
    laundry: usize,
}

/// A tick of the kernel's clock.
#[repr(C)]
pub(super) struct Tick {
    pub(super) number: u64,
    /// In nanoseconds of the monotonic clock.
    pub(super) began: u64,
}

/// An answer, over IPv4 or over IPv6.
#[repr(C)]
pub(super) struct Answer<const V4: usize, const V6: usize> {
    pub(super) v4: [u32; V4],
    pub(super) v6: [u32; V6],
    /// To whom, and from whom.
    pub(super) macs: [[u8; 6]; 2],
}

/// What the functions around SYN cookies work with.
#[repr(C)]
pub(super) struct Cookie {
    /// The segment in question: a function of its own takes numbers only.
    pub(super) segment: Option<Segment>,
    /// Its IP header.
    pub(super) ip: [u8; 40],
    /// Its TCP header, of up to 60 bytes.
    pub(super) tcp: [u8; 64],
    pub(super) answer: Answer<{ reply::SYN_ACK_V4 }, { reply::SYN_ACK_V6 }>,
}

impl Scratch {
    /// The same value, of which neither compiler nor verifier knows anything any more.
    ///
    /// The verifier follows every way through the program for as long as its values differ. What comes back from
    /// a map is just a number to it, so that the ways that led here become one again; without this it walks
    /// their product and gives up at a million instructions. And the compiler drops the masks that the verifier
    /// needs wherever it can prove them redundant.
    #[inline(always)]
    pub(super) fn launder(&mut self, value: usize) -> usize {
        let laundry = &raw mut self.laundry;
        // SAFETY: a field of this live map entry.
        unsafe {
            laundry.write_volatile(value);
            laundry.read_volatile()
        }
    }
}

/// The settings in force, once userspace has written them. It writes the other ones, and then the generation.
#[inline(always)]
pub(super) fn settings() -> Option<&'static Settings> {
    let generation = GENERATION.get(0)?;
    SETTINGS.get(generation & 1).filter(|settings| settings.has != 0)
}

#[inline(always)]
pub(super) fn is_protected(address: &Address, port: u16) -> bool {
    match PORTS.get(u16::from_be(port).into()) {
        None | Some(&abi::port::OPEN) => false,
        Some(&abi::port::PROTECTED) => true,
        Some(&kind) => is_protected_there(kind, address, port) || socket::is_served(kind, *address),
    }
}

#[inline(always)]
fn is_protected_there(kind: u32, address: &Address, port: u16) -> bool {
    if kind & abi::port::BY_ADDRESS == 0 {
        return kind & abi::port::PROTECTED != 0;
    }
    let data = PortAddress { port, reserved: 0, address: *address };
    ADDRESSES.get(Key::new(8 * size_of::<PortAddress>() as u32, data)).is_some()
}

/// What a port is, in the bits of [`abi::port`].
#[inline(always)]
pub(super) fn port_kind(number: u32) -> u32 {
    PORTS.get(number).copied().unwrap_or(abi::port::OPEN)
}

/// What is said of the most specific prefix that `source` is in.
#[inline(always)]
pub(super) fn listed(source: &Address) -> Option<u32> {
    if source.is_v4() {
        PREFIXES_V4.get(Key::new(32, source.0[3])).copied()
    } else {
        PREFIXES_V6.get(Key::new(128, *source)).copied()
    }
}

#[inline(always)]
pub(super) fn ban(source: &Address) -> Option<*mut Ban> {
    BANS.get_ptr_mut(source)
}

#[inline(always)]
pub(super) fn host_ban(source: Address, slot: u32) -> Option<*mut Ban> {
    HOST_BANS.get_ptr_mut(HostBanKey { source, slot })
}

/// This CPU's scratch space. A program run is not interrupted by another on the same CPU.
#[inline(always)]
pub(super) fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: the map has one entry, which outlives the program, and this CPU runs one program at a time.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
}

#[inline(always)]
pub(super) fn host_slot(key: HostKey) -> Option<u32> {
    // SAFETY: the value is a u32 that userspace writes whole.
    unsafe { HOSTS.get(key) }.copied()
}

#[inline(always)]
pub(super) fn host_tat(slot: u32) -> Option<*mut u64> {
    HOST_TATS.get_ptr_mut(slot)
}

/// What came for the host, on this CPU.
#[inline(always)]
pub(super) fn host_account(slot: u32) -> Option<&'static mut HostAccount> {
    // SAFETY: a live entry of a per-CPU map; only this CPU writes it.
    HOST_ACCOUNTS.get_ptr_mut(slot).map(|account| unsafe { &mut *account })
}

#[inline(always)]
pub(super) fn verified(key: &Address) -> Option<*mut Source> {
    VERIFIED.get_ptr_mut(key)
}

#[inline(always)]
pub(super) fn source(key: &Address) -> Option<*mut Source> {
    SOURCES.get_ptr_mut(key)
}

/// Remembers a source whose bucket of SYNs stands at `syn`. Lost to another CPU at worst: one packet more than the
/// burst, once in a source's life.
#[inline(always)]
pub(super) fn remember_source(key: &Address, syn: u64) {
    let Some(Scratch { fresh, .. }) = scratch() else { return };
    fresh.syn = syn;
    let _ = SOURCES.insert(key, fresh, 0);
}

#[inline(always)]
pub(super) fn total_tat(total: u32) -> Option<*mut u64> {
    TOTALS.get_ptr_mut(total)
}

/// When one more SYN was left to the stack while XDP gave cookies for the port, which is in network order.
#[inline(always)]
pub(super) fn cookies(port: u16) -> Option<*mut u64> {
    COOKIES.get_ptr_mut(u16::from_be(port).into())
}

/// The flow's state, to be read and changed in place.
#[inline(always)]
pub(super) fn flow(key: &FlowKey) -> Option<&'static mut FlowState> {
    // SAFETY: LRU entries are preallocated: the pointer stays valid memory of this type. An entry that is reused
    // under our hands belongs to another flow; the worst outcome is a segment counted under another reason.
    FLOWS.get_ptr_mut(key).map(|state| unsafe { &mut *state })
}

/// Remembers a flow from its SYN. A full table evicts its oldest; a failure leaves the flow unknown, and it passes.
#[inline(always)]
pub(super) fn remember_flow(key: &FlowKey, state: FlowState) {
    let _ = FLOWS.insert(key, state, 0);
}

#[inline(always)]
pub(super) fn forget_flow(key: &FlowKey) {
    let _ = FLOWS.remove(key);
}

#[inline(always)]
pub(super) fn event_tat(verdict: Verdict) -> Option<*mut u64> {
    EVENT_TATS.get_ptr_mut(verdict as u32)
}

/// A full buffer loses the event: nobody waits for one.
#[inline(always)]
pub(super) fn tell(event: &Event) {
    let _ = EVENTS.output::<Event>(event, 0);
}

#[inline(always)]
pub(super) fn count(verdict: Verdict) {
    if let Some(counter) = COUNTERS.get_ptr_mut(verdict as u32) {
        // SAFETY: a live entry of a per-CPU map; only this CPU writes it.
        unsafe { *counter += 1 };
    }
}
