//! Rare things, for the log: one of a kind a second.

use aya_ebpf::programs::XdpContext;
use fleetgate_ebpf::abi::{EVENT_NAME, FlowKey};
use fleetgate_ebpf::verdict::Verdict;

use super::maps::Scratch;
use super::{limit, maps, packet};

/// Between two events of one kind.
const PAUSE_NS: u64 = 1_000_000_000;

/// Tells of a packet, however many there were of its kind.
#[inline(always)]
pub(super) fn tell(verdict: Verdict, flow: &FlowKey) {
    if let Some(scratch) = maps::scratch() {
        scratch.event.name_len = 0;
        send(scratch, verdict, flow);
    }
}

/// Tells of a packet, unless one of its kind was told within the second.
#[inline(always)]
pub(super) fn tell_some(verdict: Verdict, flow: &FlowKey) {
    if is_due(verdict) {
        tell(verdict, flow);
    }
}

/// The same with the server name that was just looked up.
#[inline(always)]
pub(super) fn tell_name(ctx: &XdpContext, verdict: Verdict, flow: &FlowKey) {
    const CAPACITY: u32 = EVENT_NAME as u32;
    let Some(scratch) = maps::scratch() else { return };
    if !is_due(verdict) {
        return;
    }
    let (offset, len) = scratch.name_place;
    let mut copied = scratch.launder(len);
    if copied > EVENT_NAME {
        copied = EVENT_NAME;
    }
    scratch.event.name_len = len as u16;
    if copied == 0 || !packet::copy::<CAPACITY>(ctx, offset, scratch.event.name.as_mut_ptr(), copied) {
        scratch.event.name_len = 0;
    }
    send(scratch, verdict, flow);
}

#[inline(always)]
fn send(scratch: &mut Scratch, verdict: Verdict, flow: &FlowKey) {
    scratch.event.source = flow.source;
    scratch.event.source_port = flow.source_port;
    scratch.event.verdict = verdict as u32;
    maps::tell(&scratch.event);
}

/// Two CPUs at once tell twice: harmless.
#[inline(always)]
fn is_due(verdict: Verdict) -> bool {
    let Some(tat) = maps::event_tat(verdict) else { return false };
    let now = limit::coarse_now();
    // SAFETY: a live map value.
    unsafe {
        if tat.read_volatile() > now {
            return false;
        }
        tat.write_volatile(now + PAUSE_NS);
    }
    true
}
