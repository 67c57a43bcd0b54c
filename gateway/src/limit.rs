//! Token buckets by key, in bounded memory: how often each of many may do something.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use fleetgate_ebpf::abi::{Address, limit_key};
use fleetgate_ebpf::gcra::Rate;

/// One bucket a key, for one limit.
#[derive(Debug)]
pub struct Buckets<K: Eq + Hash> {
    /// Theoretical arrival times.
    tats: DashMap<K, u64>,
    max: usize,
    /// Shared by the keys that the table has no room for.
    overflow: AtomicU64,
    /// Nanosecond of the last sweep: at most one a second.
    swept: AtomicU64,
}

const SECOND: u64 = 1_000_000_000;

impl<K: Eq + Hash> Buckets<K> {
    /// Buckets for `max` keys at once.
    pub fn new(max: u32) -> Self {
        let (overflow, swept) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { tats: DashMap::new(), max: max as usize, overflow, swept }
    }

    /// Whether `key` is within `rate` at `now`, in nanoseconds since any fixed moment.
    pub fn admit(&self, rate: &Rate, key: K, now: u64) -> bool {
        if !self.tats.contains_key(&key) && self.tats.len() >= self.max && !self.make_room(now) {
            return admit_atomic(&self.overflow, rate, now);
        }
        admit(&mut self.tats.entry(key).or_insert(0), rate, now)
    }

    /// Keys that are remembered.
    pub fn len(&self) -> usize {
        self.tats.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.tats.is_empty()
    }

    /// Forgets keys whose bucket is full again: they are as good as new. False when there was no time or no room.
    fn make_room(&self, now: u64) -> bool {
        let swept = self.swept.load(Ordering::Relaxed);
        let due = now.saturating_sub(swept) >= SECOND
            && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if due {
            self.tats.retain(|_, tat| *tat > now);
        }
        self.tats.len() < self.max
    }
}

/// Takes from one bucket, which is given by its theoretical arrival time.
pub fn admit(tat: &mut u64, rate: &Rate, now: u64) -> bool {
    rate.admit(*tat, now).is_some_and(|next| {
        *tat = next;
        true
    })
}

fn admit_atomic(tat: &AtomicU64, rate: &Rate, now: u64) -> bool {
    tat.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tat| rate.admit(tat, now)).is_ok()
}

/// What counts as one source: an IPv4 address, or an IPv6 /64.
pub fn source_key(address: IpAddr) -> Address {
    limit_key(&match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    })
}
