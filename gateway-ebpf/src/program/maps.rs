//! The maps, private to this module, and what can be done with them.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray};
use fleetgate_ebpf::abi::{Address, FlowKey, FlowState, MAX_FLOWS, MAX_HOSTS, MAX_SOURCES, Settings};
use fleetgate_ebpf::hello::Window;
use fleetgate_ebpf::name::{HostKey, NameBuffer};
use fleetgate_ebpf::verdict::Verdict;

#[map]
static SETTINGS: Array<Settings> = Array::with_max_entries(1, 0);
#[map]
static PORTS: Array<u64> = Array::with_max_entries(65_536 / 64, 0);
#[map]
static HOSTS: HashMap<HostKey, u32> = HashMap::with_max_entries(MAX_HOSTS, 0);
#[map]
static HOST_TATS: Array<u64> = Array::with_max_entries(MAX_HOSTS, 0);
#[map]
static HOST_HELLOS: PerCpuArray<u64> = PerCpuArray::with_max_entries(MAX_HOSTS, 0);
#[map]
static SYN_TATS: LruHashMap<Address, u64> = LruHashMap::with_max_entries(MAX_SOURCES, 0);
#[map]
static HELLO_TATS: LruHashMap<Address, u64> = LruHashMap::with_max_entries(MAX_SOURCES, 0);
#[map]
static FLOWS: LruHashMap<FlowKey, FlowState> = LruHashMap::with_max_entries(MAX_FLOWS, 0);
#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Verdict::COUNT, 0);
#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// Room for what does not fit on the 512-byte stack.
#[repr(C)]
pub(super) struct Scratch {
    /// The start of the payload.
    pub(super) window: Window,
    /// The server name, and after it the parent name of its wildcard.
    pub(super) name: NameBuffer,
    laundry: usize,
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

/// The settings, once userspace has written them.
#[inline(always)]
pub(super) fn settings() -> Option<&'static Settings> {
    SETTINGS.get(0).filter(|settings| settings.configured != 0)
}

#[inline(always)]
pub(super) fn is_protected(port: [u8; 2]) -> bool {
    let port = u32::from(u16::from_be_bytes(port));
    PORTS.get(port / 64).is_some_and(|word| word >> (port % 64) & 1 == 1)
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

#[inline(always)]
pub(super) fn syn_tats() -> &'static LruHashMap<Address, u64> {
    &SYN_TATS
}

#[inline(always)]
pub(super) fn hello_tats() -> &'static LruHashMap<Address, u64> {
    &HELLO_TATS
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
pub(super) fn count(verdict: Verdict) {
    increment(COUNTERS.get_ptr_mut(verdict as u32));
}

#[inline(always)]
pub(super) fn count_hello(slot: u32) {
    increment(HOST_HELLOS.get_ptr_mut(slot));
}

#[inline(always)]
fn increment(counter: Option<*mut u64>) {
    if let Some(counter) = counter {
        // SAFETY: a live entry of a per-CPU map; only this CPU writes it.
        unsafe { *counter += 1 };
    }
}
