//! Steering: a flow's packets go to one CPU, which is chosen at its SYN and kept in its record.

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, CpuMap, LruHashMap, PerCpuArray};
use fleetgate_ebpf::abi::{self, ALL, Address, CpuSet, FlowState, NO_CPU, Settings, flow_hash, has};
use fleetgate_ebpf::frame::Segment;

use super::maps;

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

/// The CPU of a flow that begins, or that nobody remembers: one of its source's last host, where that has its own.
#[inline(always)]
pub(super) fn at_syn(settings: &Settings, segment: &Segment) -> u32 {
    let [high, low] = halves(&abi::limit_key(&segment.flow.source));
    choose_cpu(high, low, hash(settings, segment))
}

/// Takes a flow whose hello named a host to one of that host's CPUs, and remembers its source for the next SYN.
#[inline(always)]
pub(super) fn at_hello(settings: &Settings, segment: &mut Segment, flow: &mut FlowState) {
    let [high, low] = halves(&abi::limit_key(&segment.flow.source));
    flow.cpu = choose_host_cpu(flow.slot, flow.cpu, high, low, hash(settings, segment));
    segment.cpu = flow.cpu;
}

/// Hands the packet to its CPU. Where that is none of ours, or has no queue, it stays on this one.
#[inline(always)]
pub(super) fn redirect(segment: &Segment) -> u32 {
    // A tag that the driver has taken out of the frame would be lost on the way; one that is in it is left alone too, so that
    // a machine behaves the same either way.
    if segment.is_untagged() { redirect_to(segment.cpu) } else { XDP_PASS }
}

/// [`redirect`] without its packet. This and the next ones are functions of their own to the verifier, which would otherwise
/// follow each of their ways for each way that leads here.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn redirect_to(cpu: u32) -> u32 {
    match CPUS.redirect(cpu, XDP_PASS.into()) {
        Err(_) => XDP_PASS,
        Ok(redirected) => {
            if let Some(counter) = STEERED.get_ptr_mut(cpu) {
                // SAFETY: a live entry of a per-CPU map; only this CPU writes it.
                unsafe { *counter += 1 };
            }
            redirected
        }
    }
}

/// The CPU for a flow with this hash and this source.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn choose_cpu(source_high: u64, source_low: u64, hash: u32) -> u32 {
    let Some(settings) = maps::settings() else { return NO_CPU };
    let mut set = ALL;
    if settings.has & has::HOST_SETS != 0 {
        // SAFETY: the value is a u32 that is written whole.
        set = unsafe { LAST_SETS.get(source(source_high, source_low)) }.copied().unwrap_or(ALL);
    }
    CPU_SETS.get(set).map_or(NO_CPU, |set| set.choose(hash))
}

/// The CPU for a flow whose hello named the host in `slot`, and which was on `cpu` before.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn choose_host_cpu(slot: u32, cpu: u32, source_high: u64, source_low: u64, hash: u32) -> u32 {
    let set = HOST_SETS.get(slot).copied().unwrap_or(ALL);
    let source = source(source_high, source_low);
    if set == ALL {
        let _ = LAST_SETS.remove(source);
        return cpu;
    }
    let _ = LAST_SETS.insert(source, set, 0);
    match CPU_SETS.get(set) {
        // A flow that is there already stays.
        Some(set) if !set.contains(cpu) => set.choose(hash),
        _ => cpu,
    }
}

#[inline(always)]
fn hash(settings: &Settings, segment: &Segment) -> u32 {
    flow_hash(&segment.flow, settings.secret[0])
}

/// An address as numbers, which is what such functions take.
#[inline(always)]
const fn halves(address: &Address) -> [u64; 2] {
    let [a, b, c, d] = address.0;
    [(a as u64) << 32 | b as u64, (c as u64) << 32 | d as u64]
}

/// The address of which these are the halves.
#[inline(always)]
const fn source(high: u64, low: u64) -> Address {
    Address([(high >> 32) as u32, high as u32, (low >> 32) as u32, low as u32])
}
