//! Token buckets in maps: the arithmetic is [`Rate`]'s, the state one `u64` a key.

use core::intrinsics::{AtomicOrdering, atomic_cxchg};

use aya_ebpf::helpers::generated::{bpf_jiffies64, bpf_ktime_get_coarse_ns, bpf_ktime_get_ns};
use fleetgate_ebpf::abi::{self, Address, Settings, Source, has};
use fleetgate_ebpf::gcra::Rate;

use super::maps::{self, Scratch, Tick};

/// Races lost before a packet counts as limited. Two CPUs cannot lose to each other forever: one of them wins.
const ATTEMPTS: u32 = 4;

/// The limits of a source that was seen before.
pub(super) struct Known {
    /// A live map value.
    source: *mut Source,
    /// Whether verified devices were seen there, so that no total limit touches it.
    pub(super) verified: bool,
}

/// One of a source's limits.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    Syn,
    Hello,
    Incomplete,
    NotTls,
}

/// The limits of the source with this key.
#[inline(always)]
pub(super) fn known(settings: &Settings, key: &Address) -> Option<Known> {
    if settings.has & has::VERIFIED != 0
        && let Some(source) = maps::verified(key)
    {
        return Some(Known { source, verified: true });
    }
    maps::source(key).map(|source| Known { source, verified: false })
}

impl Known {
    /// Whether one more is within the limit at `now`.
    #[inline(always)]
    pub(super) fn admit(&self, settings: &Settings, limit: Limit, now: u64) -> bool {
        // SAFETY: fields of a live map value.
        let (tat, rate) = unsafe {
            match limit {
                Limit::Syn => (&raw mut (*self.source).syn, &settings.syn_per_source),
                Limit::Hello => (&raw mut (*self.source).hello, &settings.hello_per_source),
                Limit::Incomplete => (&raw mut (*self.source).incomplete, &settings.incomplete_per_source),
                Limit::NotTls => (&raw mut (*self.source).not_tls, &settings.not_tls_per_source),
            }
        };
        if !self.verified {
            return admit(tat, rate, now);
        }
        // SAFETY: a field of a live map value that userspace writes whole.
        let devices = unsafe { (*self.source).devices };
        admit(tat, &rate.times(devices), now)
    }
}

/// Whether one more of all sources together is within `rate` at `now`.
#[inline(always)]
pub(super) fn admit_total(total: u32, rate: &Rate, now: u64) -> bool {
    let Some(tat) = maps::total_tat(total) else { return true };
    admit(tat, rate, now)
}

/// Whether one more of all sources without verified devices is within the limit of SYNs.
#[inline(always)]
pub(super) fn admit_syn(settings: &Settings, now: u64) -> bool {
    admit_total(abi::total::SYN, &settings.syn_total, now)
}

/// Whether the bucket at `tat`, a live map value, is within `rate` at `now`.
#[inline(always)]
pub(super) fn admit(tat: *mut u64, rate: &Rate, now: u64) -> bool {
    if rate.interval_ns == 0 {
        return true;
    }
    let mut attempt = 0;
    while attempt < ATTEMPTS {
        // SAFETY: a live map value; every writer uses the same atomic.
        let seen = unsafe { tat.read_volatile() };
        let Some(next) = rate.admit(seen, now) else { return false };
        // SAFETY: as above.
        let (_, won) = unsafe {
            atomic_cxchg::<u64, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(tat, seen, next)
        };
        if won {
            return true;
        }
        attempt += 1;
    }
    false
}

/// The bucket of a key that was never seen, after its first packet.
#[inline(always)]
pub(super) const fn first(rate: &Rate, now: u64) -> u64 {
    if rate.interval_ns == 0 { 0 } else { now + rate.interval_ns }
}

/// The clock of the limits. Read once a packet, and the fine one only where it matters: it costs as much as a lookup.
#[inline(always)]
pub(super) fn now(settings: &Settings) -> u64 {
    if settings.has & has::FINE_LIMITS == 0 {
        return coarse_now();
    }
    // SAFETY: the helper takes nothing and cannot fail.
    unsafe { bpf_ktime_get_ns() }
}

/// The same clock, as of the last tick: good enough for what takes seconds. It is read once a tick; the tick's number is
/// a load that the verifier puts in place of the call.
#[inline(always)]
pub(super) fn coarse_now() -> u64 {
    // SAFETY: the helpers take nothing and cannot fail.
    let (tick, clock) = unsafe { (bpf_jiffies64(), || bpf_ktime_get_coarse_ns()) };
    let Some(Scratch { tick: seen, .. }) = maps::scratch() else { return clock() };
    if seen.number != tick {
        *seen = Tick { number: tick, began: clock() };
    }
    seen.began
}
