//! Token buckets in maps: the arithmetic is [`Rate`]'s, the state one `u64` a key.

use core::intrinsics::{AtomicOrdering, atomic_cxchg};

use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::maps::LruHashMap;
use fleetgate_ebpf::abi::{self, Address};
use fleetgate_ebpf::gcra::Rate;

/// Races lost before a packet counts as limited. Two CPUs cannot lose to each other forever: one of them wins.
const ATTEMPTS: u32 = 4;

/// Whether `source` is within `rate`.
#[inline(always)]
pub(super) fn admit_source(tats: &LruHashMap<Address, u64>, rate: &Rate, source: &Address) -> bool {
    if rate.interval_ns == 0 {
        return true;
    }
    let key = abi::limit_key(source);
    if let Some(tat) = tats.get_ptr_mut(key) {
        return admit(tat, rate);
    }
    if let Some(next) = rate.admit(0, now()) {
        // Lost to another CPU at worst: one packet more than the burst, once in a source's life.
        let _ = tats.insert(key, next, 0);
    }
    true
}

/// Whether the bucket at `tat`, a live map value, is within `rate`.
#[inline(always)]
pub(super) fn admit(tat: *mut u64, rate: &Rate) -> bool {
    if rate.interval_ns == 0 {
        return true;
    }
    let now = now();
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

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper takes nothing and cannot fail.
    unsafe { bpf_ktime_get_ns() }
}
