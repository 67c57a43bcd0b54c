//! The first data segment of a flow: a hello, or not.

use aya_ebpf::programs::XdpContext;
use fleetgate_ebpf::abi::{self, Address, FlowState, Settings, UnknownSni};
use fleetgate_ebpf::frame::Segment;
use fleetgate_ebpf::verdict::Verdict;

use super::limit::{self, Known, Limit};
use super::{event, gate, maps, name};

/// Judges it, and says which host it is for. No limit touches a source that is allowed.
#[inline(always)]
pub(super) fn judge(
    ctx: &XdpContext,
    settings: &Settings,
    segment: &Segment,
    is_allowed: bool,
) -> (Verdict, u32) {
    let key = abi::limit_key(&segment.flow.source);
    let now = limit::now(settings);
    if !is_allowed && let Some(verdict) = limited(settings, &key, now) {
        return (verdict, FlowState::NO_HOST);
    }
    let found = name::look_up(ctx.ctx, segment.payload as u32, segment.payload_len as u32);
    let within = |limit| {
        is_allowed || limit::known(settings, &key).is_none_or(|known| known.admit(settings, limit, now))
    };
    let verdict = match found {
        name::UNREADABLE => Verdict::Truncated,
        name::INCOMPLETE if within(Limit::Incomplete) => Verdict::HelloIncomplete,
        name::INCOMPLETE => Verdict::HelloIncompleteLimited,
        name::NOT_TLS | name::MALFORMED if !within(Limit::NotTls) => Verdict::NotTlsLimited,
        name::NOT_TLS => Verdict::NotTls,
        name::MALFORMED => Verdict::HelloMalformed,
        name::UNKNOWN => unknown(ctx, settings, segment),
        slot => {
            let slot = slot as u32;
            return (matched(settings, key, slot, is_allowed, now), slot);
        }
    };
    (verdict, FlowState::NO_HOST)
}

/// The limit of all first data that the segment is beyond.
#[inline(always)]
fn limited(settings: &Settings, key: &Address, now: u64) -> Option<Verdict> {
    let known = source(settings, key)?;
    if !known.admit(settings, Limit::Hello, now) {
        return Some(Verdict::HelloSourceLimited);
    }
    if !known.verified && !limit::admit_total(abi::total::HELLO, &settings.hello_total, now) {
        return Some(Verdict::HelloTotalLimited);
    }
    None
}

/// The source's limits; one that the table has lost since its SYN starts again.
#[inline(always)]
fn source(settings: &Settings, key: &Address) -> Option<Known> {
    if let Some(known) = limit::known(settings, key) {
        return Some(known);
    }
    maps::remember_source(key, 0);
    limit::known(settings, key)
}

#[inline(always)]
fn matched(settings: &Settings, source: Address, slot: u32, is_allowed: bool, now: u64) -> Verdict {
    let Some(account) = maps::host_account(slot) else { return Verdict::HelloMatched };
    if !is_allowed && gate::is_banned_from(settings, source, slot) {
        account.banned += 1;
        return Verdict::HelloBanned;
    }
    if !is_allowed
        && let Some(tat) = maps::host_tat(slot)
        && !limit::admit(tat, &settings.hello_per_host, now)
    {
        account.limited += 1;
        return Verdict::HelloHostLimited;
    }
    account.hellos += 1;
    Verdict::HelloMatched
}

/// A whole hello for nobody.
#[inline(always)]
fn unknown(ctx: &XdpContext, settings: &Settings, segment: &Segment) -> Verdict {
    let verdict = if settings.unknown_sni == UnknownSni::Reset as u32 {
        Verdict::HelloUnknownReset
    } else if settings.unknown_sni == UnknownSni::Drop as u32 {
        Verdict::HelloUnknownDropped
    } else {
        Verdict::HelloUnknownPassed
    };
    event::tell_name(ctx, verdict, &segment.flow);
    verdict
}
