//! Steering: a flow's packets go to one CPU, which is chosen at its SYN and kept in its record.

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, CpuMap, LruHashMap, PerCpuArray};
use fleetgate_ebpf::abi::{self, ALL, Address, CpuSet, FlowState, NO_CPU, Settings, flow_hash, has};
use fleetgate_ebpf::frame::Segment;

#[map]
static CPUS: CpuMap = CpuMap::with_max_entries(abi::MAX_CPUS, 0);
#[map]
static CPU_SETS: Array<CpuSet> = Array::with_max_entries(abi::MAX_SETS, 0);
#[map]
static HOST_SETS: Array<u32> = Array::with_max_entries(abi::MAX_HOSTS, 0);
#[map]
static LAST_SETS: LruHashMap<Address, u32> = LruHashMap::with_max_entries(abi::MAX_LAST, 0);
#[map]
static STEERED: PerCpuArray<u64> = PerCpuArray::with_max_entries(abi::MAX_CPUS, 0);

/// The CPU of a flow that begins: one of its source's last host, where that has its own.
#[inline(always)]
pub(super) fn at_syn(settings: &Settings, segment: &Segment) -> u32 {
    if settings.has & has::HOST_SETS != 0 {
        // SAFETY: the value is a u32 that is written whole.
        let last = unsafe { LAST_SETS.get(abi::limit_key(&segment.flow.source)) };
        if let Some(&set) = last {
            return choose(settings, segment, set);
        }
    }
    choose(settings, segment, ALL)
}

/// The CPU of a flow that nobody remembers: what it would have got at its SYN, as far as that can be known.
#[inline(always)]
pub(super) fn unknown(settings: &Settings, segment: &Segment) -> u32 {
    choose(settings, segment, ALL)
}

/// Takes a flow whose hello named a host to one of that host's CPUs, and remembers its source for the next SYN.
#[inline(always)]
pub(super) fn at_hello(settings: &Settings, segment: &mut Segment, flow: &mut FlowState) {
    let set = HOST_SETS.get(flow.slot).copied().unwrap_or(ALL);
    let source = abi::limit_key(&segment.flow.source);
    if set == ALL {
        let _ = LAST_SETS.remove(source);
        return;
    }
    let _ = LAST_SETS.insert(source, set, 0);
    if !contains(set, flow.cpu) {
        flow.cpu = choose(settings, segment, set);
        segment.cpu = flow.cpu;
    }
}

/// Hands the packet to its CPU. Where that is none of ours, or has no queue, it stays on this one.
#[inline(always)]
pub(super) fn redirect(segment: &Segment) -> u32 {
    // A tag that the driver has taken out of the frame would be lost on the way; one that is in it is left alone too, so that
    // a machine behaves the same either way.
    if !segment.is_untagged() {
        return XDP_PASS;
    }
    match CPUS.redirect(segment.cpu, XDP_PASS.into()) {
        Err(_) => XDP_PASS,
        Ok(redirected) => {
            if let Some(counter) = STEERED.get_ptr_mut(segment.cpu) {
                // SAFETY: a live entry of a per-CPU map; only this CPU writes it.
                unsafe { *counter += 1 };
            }
            redirected
        }
    }
}

#[inline(always)]
fn choose(settings: &Settings, segment: &Segment, set: u32) -> u32 {
    let hash = flow_hash(&segment.flow, settings.secret[0]);
    CPU_SETS.get(set).map_or(NO_CPU, |set| set.choose(hash))
}

/// Whether the CPU is one of the set's: a flow that is there already stays.
#[inline(always)]
fn contains(set: u32, cpu: u32) -> bool {
    CPU_SETS.get(set).is_some_and(|set| set.contains(cpu))
}
