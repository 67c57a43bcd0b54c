//! The decision: which verdict a TCP segment gets.

use aya_ebpf::programs::XdpContext;
use fleetgate_ebpf::abi::{self, FlowState, Settings, Stage, has};
use fleetgate_ebpf::frame::{Fragment, Segment, flag};
use fleetgate_ebpf::verdict::Verdict;

use super::gate::{self, Gate};
use super::limit::{self, Limit};
use super::{cookie, event, first_data, maps, packet, steer};

/// Judges a segment. Only the first data segment of a flow that was seen from its SYN is looked into.
#[inline(always)]
pub(super) fn judge(ctx: &XdpContext, segment: &mut Segment) -> Verdict {
    let is_syn = segment.flags & (flag::SYN | flag::ACK | flag::RST) == flag::SYN;
    if !matches!(segment.fragment, Fragment::Whole)
        && (is_syn || matches!(segment.fragment, Fragment::Header))
    {
        return Verdict::FragmentedHeader;
    }
    // Established traffic pays for no more than the lookup.
    let known = if is_syn { None } else { maps::flow(&segment.flow) };
    if let Some(flow) = &known
        && flow.stage == Stage::Judged as u32
    {
        segment.cpu = flow.cpu;
        account(flow.slot, segment);
        return Verdict::Established;
    }
    let Some(settings) = maps::settings() else { return Verdict::Unconfigured };
    segment.cpu = match &known {
        Some(flow) => flow.cpu,
        None if settings.has & has::STEERING != 0 => steer::at_syn(settings, segment),
        None => abi::NO_CPU,
    };
    if is_syn {
        return syn(settings, segment);
    }
    let flow = match known {
        Some(flow) => flow,
        None => match unknown(ctx, settings, segment) {
            // What came with a valid cookie is looked into as after any other SYN.
            Verdict::CookieValid if !is_control(segment) => match maps::flow(&segment.flow) {
                Some(flow) => flow,
                None => return Verdict::UnknownFlow,
            },
            verdict => return verdict,
        },
    };
    let Some(scratch) = maps::scratch() else { return Verdict::Unconfigured };
    // However the headers were found: from here on they are just there.
    segment.ip = scratch.launder(segment.ip);
    segment.tcp = scratch.launder(segment.tcp);
    segment.payload = scratch.launder(segment.payload);
    segment.payload_len = scratch.launder(segment.payload_len);
    if flow.stage == Stage::New as u32 { new(ctx, settings, segment, flow) } else { ended(segment, flow) }
}

#[inline(always)]
fn syn(settings: &Settings, segment: &Segment) -> Verdict {
    let verdict = match gate::ask(settings, segment) {
        Gate::Shut(verdict) => return verdict,
        Gate::Allowed => Verdict::Syn,
        Gate::Open => limited_syn(settings, segment),
    };
    if matches!(verdict, Verdict::Syn | Verdict::SynVerified) {
        maps::remember_flow(&segment.flow, FlowState::new(segment.sequence, segment.cpu));
    }
    verdict
}

/// A source's own limit comes first, so that it alone pays for its flood; then what all share; then the brake, beyond
/// which a flood from ever new sources cannot push out what the tables hold.
#[inline(always)]
fn limited_syn(settings: &Settings, segment: &Segment) -> Verdict {
    let key = abi::limit_key(&segment.flow.source);
    let now = limit::now(settings);
    if let Some(known) = limit::known(settings, &key) {
        return if !known.admit(settings, Limit::Syn, now) {
            Verdict::SynLimited
        } else if known.verified {
            Verdict::SynVerified
        } else if limit::admit_syn(settings, now) {
            Verdict::Syn
        } else {
            Verdict::SynTotalLimited
        };
    }
    let is_braked = !limit::admit_total(abi::total::NEW_FLOWS, &settings.new_flows, now);
    // A cookie costs the stack nothing, and takes nothing of what others share.
    if is_braked
        && settings.has & has::COOKIES != 0
        && packet::is_plain(segment)
        && cookie::is_due(segment, now)
    {
        return Verdict::SynCookie;
    }
    if !limit::admit_syn(settings, now) {
        return Verdict::SynTotalLimited;
    }
    if is_braked {
        return Verdict::SynUntracked;
    }
    maps::remember_source(&key, limit::first(&settings.syn_per_source, now));
    Verdict::Syn
}

/// A packet of a flow that is not known: lists and bans apply, and while cookies are given, they may come back.
#[inline(always)]
fn unknown(ctx: &XdpContext, settings: &Settings, segment: &Segment) -> Verdict {
    match gate::ask(settings, segment) {
        Gate::Shut(verdict) => verdict,
        Gate::Open if settings.has & has::COOKIES != 0 && may_bring_cookie(settings, segment) => {
            match cookie::check(ctx, segment) {
                cookie::VALID => {
                    prove(segment);
                    Verdict::CookieValid
                }
                cookie::INVALID => Verdict::CookieInvalid,
                _ if is_control(segment) => Verdict::Control,
                _ => Verdict::UnknownFlow,
            }
        }
        Gate::Open | Gate::Allowed if is_control(segment) => Verdict::Control,
        Gate::Open | Gate::Allowed => Verdict::UnknownFlow,
    }
}

#[inline(always)]
fn may_bring_cookie(settings: &Settings, segment: &Segment) -> bool {
    segment.flags & (flag::SYN | flag::ACK | flag::RST) == flag::ACK
        && matches!(segment.fragment, Fragment::Whole)
        && packet::is_plain(segment)
        && cookie::are_out(segment.flow.destination_port, limit::now(settings))
}

/// Remembers a source that has received what was sent to it, and its flow.
#[inline(always)]
fn prove(segment: &Segment) {
    let key = abi::limit_key(&segment.flow.source);
    if maps::source(&key).is_none() {
        maps::remember_source(&key, 0);
    }
    maps::remember_flow(&segment.flow, FlowState::new(segment.sequence.wrapping_sub(1), segment.cpu));
}

#[inline(always)]
const fn is_control(segment: &Segment) -> bool {
    segment.payload_len == 0 || segment.flags & flag::RST != 0
}

/// A packet of a flow whose first data segment is still to come, or is this one.
#[inline(always)]
fn new(ctx: &XdpContext, settings: &Settings, segment: &mut Segment, flow: &mut FlowState) -> Verdict {
    if is_control(segment) {
        return Verdict::Control;
    }
    if segment.sequence != flow.first_byte {
        return Verdict::OutOfOrder;
    }
    let is_allowed = match gate::ask(settings, segment) {
        Gate::Shut(verdict) => return verdict,
        Gate::Allowed => true,
        Gate::Open => false,
    };
    let (verdict, slot) = first_data::judge(ctx, settings, segment, is_allowed);
    match verdict {
        // The flow stays new: what the client sends again is judged again.
        Verdict::HelloSourceLimited
        | Verdict::HelloTotalLimited
        | Verdict::HelloHostLimited
        | Verdict::HelloIncompleteLimited
        | Verdict::Truncated => {}
        Verdict::HelloUnknownReset => flow.stage = Stage::Unanswered as u32,
        Verdict::HelloUnknownDropped | Verdict::HelloBanned | Verdict::NotTlsLimited => {
            flow.stage = Stage::Ended as u32;
        }
        _ => {
            flow.slot = slot;
            flow.stage = Stage::Judged as u32;
            if settings.has & has::HOST_SETS != 0 {
                steer::at_hello(settings, segment, flow);
            }
            account(slot, segment);
        }
    }
    verdict
}

/// What comes on a connection whose server's socket is gone. An answer can get lost: a hello is answered as often as it is sent
/// again; or, where the client is to hear of it as soon as it says anything, the stack answers whatever comes after that.
#[inline(always)]
fn ended(segment: &Segment, flow: &FlowState) -> Verdict {
    let may_answer = segment.flags & (flag::ACK | flag::RST) == flag::ACK;
    if flow.stage == Stage::Ended as u32 {
        let is_repeated = segment.payload_len != 0 && segment.sequence == flow.first_byte;
        return if may_answer && is_repeated { Verdict::EndedAnswered } else { Verdict::Ended };
    }
    if !may_answer {
        return Verdict::Control;
    }
    maps::forget_flow(&segment.flow);
    Verdict::EndedAnswered
}

#[inline(always)]
fn account(slot: u32, segment: &Segment) {
    if let Some(account) = maps::host_account(slot) {
        account.packets += 1;
        account.bytes += (segment.payload + segment.payload_len) as u64;
    }
}

/// Whether the log is to hear of packets with this verdict.
#[inline(always)]
pub(super) fn tell(verdict: Verdict, segment: &Segment) {
    if matches!(
        verdict,
        Verdict::FragmentedHeader
            | Verdict::SynUntracked
            | Verdict::SynCookie
            | Verdict::SynLimited
            | Verdict::SynTotalLimited
            | Verdict::HelloSourceLimited
            | Verdict::HelloTotalLimited
            | Verdict::HelloHostLimited
            | Verdict::HelloIncompleteLimited
            | Verdict::HelloBanned
            | Verdict::NotTlsLimited
    ) {
        event::tell_some(verdict, &segment.flow);
    }
}
