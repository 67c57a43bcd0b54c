//! The decision: which verdict a TCP segment gets.

use aya_ebpf::programs::XdpContext;
use fleetgate_ebpf::abi::{FlowState, Settings, UnknownSni};
use fleetgate_ebpf::frame::{Segment, flag};
use fleetgate_ebpf::hello::{Hello, WINDOW};
use fleetgate_ebpf::name::{self, Pattern};
use fleetgate_ebpf::verdict::Verdict;

use super::maps::{self, Scratch};
use super::{limit, packet};

/// Judges a segment. Only the first data segment of a flow that was seen from its SYN is looked into.
#[inline(always)]
pub(super) fn judge(ctx: &XdpContext, segment: &mut Segment) -> Verdict {
    if !maps::is_protected(segment.flow.destination_port) {
        return Verdict::NotProtected;
    }
    let Some(settings) = maps::settings() else { return Verdict::Unconfigured };
    if segment.flags & (flag::SYN | flag::ACK | flag::RST) == flag::SYN {
        return syn(settings, segment);
    }
    if segment.payload_len == 0 || segment.flags & flag::RST != 0 {
        return Verdict::Control;
    }
    let Some(flow) = maps::flow(&segment.flow) else { return Verdict::UnknownFlow };
    if flow.judged != 0 {
        return Verdict::Established;
    }
    if segment.sequence != flow.first_byte {
        return Verdict::OutOfOrder;
    }
    let verdict = first_data(ctx, settings, segment);
    match verdict {
        // The flow stays unjudged: what the client sends again is judged again.
        Verdict::HelloSourceLimited | Verdict::HelloHostLimited | Verdict::HelloUnknownDropped => {}
        // The stack answers whatever the client sends to a socket that is gone.
        Verdict::HelloUnknownReset => maps::forget_flow(&segment.flow),
        _ => flow.judged = 1,
    }
    verdict
}

#[inline(always)]
fn syn(settings: &Settings, segment: &Segment) -> Verdict {
    if !limit::admit_source(maps::syn_tats(), &settings.syn_per_source, &segment.flow.source) {
        return Verdict::SynLimited;
    }
    maps::remember_flow(&segment.flow, FlowState { first_byte: segment.sequence.wrapping_add(1), judged: 0 });
    Verdict::Syn
}

#[inline(always)]
fn first_data(ctx: &XdpContext, settings: &Settings, segment: &mut Segment) -> Verdict {
    if !limit::admit_source(maps::hello_tats(), &settings.hello_per_source, &segment.flow.source) {
        return Verdict::HelloSourceLimited;
    }
    let Some(scratch) = maps::scratch() else { return Verdict::Unconfigured };
    segment.tcp = scratch.launder(segment.tcp);
    segment.payload = scratch.launder(segment.payload);
    let mut len = scratch.launder(segment.payload_len);
    if len > WINDOW {
        len = WINDOW;
    }
    if !packet::copy::<{ WINDOW as u32 }>(ctx, segment.payload, scratch.window.as_mut_ptr(), len) {
        return Verdict::Truncated;
    }
    let len = scratch.launder(len);
    match scratch.window.hello(len) {
        Hello::NotTls => Verdict::NotTls,
        Hello::Incomplete => Verdict::HelloIncomplete,
        Hello::Malformed => Verdict::HelloMalformed,
        Hello::NoSni => unknown(settings),
        Hello::Name { offset, len } => match host(ctx, settings, scratch, segment.payload + offset, len) {
            None => unknown(settings),
            Some(slot) => matched(settings, slot),
        },
    }
}

/// The slot of the host that the name at `offset` of the packet has, exact before wildcard.
#[inline(always)]
fn host(
    ctx: &XdpContext,
    settings: &Settings,
    scratch: &mut Scratch,
    offset: usize,
    len: usize,
) -> Option<u32> {
    const CAPACITY: u32 = name::CAPACITY as u32;
    let offset = scratch.launder(offset);
    let len = scratch.launder(len);
    if len >= name::CAPACITY || !packet::copy::<CAPACITY>(ctx, offset, scratch.name.as_mut_ptr(), len) {
        return None;
    }
    let len = scratch.name.without_dot(len);
    let len = scratch.launder(len);
    if let Some(slot) = maps::host_slot(scratch.name.key(settings.secret, Pattern::Exact, len)) {
        return Some(slot);
    }
    let len = scratch.launder(len);
    let parent = scratch.name.parent(len)?;
    let parent = scratch.launder(parent);
    let len = scratch.launder(len - parent);
    if len == 0 || !packet::copy::<CAPACITY>(ctx, offset + parent, scratch.name.as_mut_ptr(), len) {
        return None;
    }
    maps::host_slot(scratch.name.key(settings.secret, Pattern::Wildcard, len))
}

#[inline(always)]
fn matched(settings: &Settings, slot: u32) -> Verdict {
    if let Some(tat) = maps::host_tat(slot)
        && !limit::admit(tat, &settings.hello_per_host)
    {
        return Verdict::HelloHostLimited;
    }
    maps::count_hello(slot);
    Verdict::HelloMatched
}

#[inline(always)]
const fn unknown(settings: &Settings) -> Verdict {
    if settings.unknown_sni == UnknownSni::Reset as u32 {
        Verdict::HelloUnknownReset
    } else if settings.unknown_sni == UnknownSni::Drop as u32 {
        Verdict::HelloUnknownDropped
    } else {
        Verdict::HelloUnknownPassed
    }
}
