//! Token buckets by key, in bounded memory: how often each of many may do something.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use fleetgate_ebpf::gcra::Rate;

use super::table::Table;

/// One bucket a key, for one limit.
#[derive(Debug)]
pub struct Buckets<K: Eq + Hash> {
    /// Theoretical arrival times.
    tats: Table<K, u64>,
    /// Shared by the keys that the table has no room for.
    overflow: AtomicU64,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Buckets for `max` keys at once.
    pub fn new(max: u32) -> Self {
        Self { tats: Table::new(max), overflow: AtomicU64::new(0) }
    }

    /// Whether `key` is within `rate` at `now`, in nanoseconds since any fixed moment.
    pub fn admit(&self, rate: &Rate, key: K, now: u64) -> bool {
        match self.tats.entry(key, now) {
            Some(mut tat) => admit(&mut tat, rate, now),
            None => admit_atomic(&self.overflow, rate, now).is_ok(),
        }
    }

    /// Keys that are remembered.
    pub fn len(&self) -> usize {
        self.tats.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes from one bucket, which is given by its theoretical arrival time.
pub fn admit(tat: &mut u64, rate: &Rate, now: u64) -> bool {
    rate.admit(*tat, now).is_some_and(|next| {
        *tat = next;
        true
    })
}

/// Takes from a bucket that several threads have.
///
/// # Errors
/// The nanoseconds until there is something to take.
pub fn admit_atomic(tat: &AtomicU64, rate: &Rate, now: u64) -> Result<(), u64> {
    match tat.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tat| rate.admit(tat, now)) {
        Ok(_) => Ok(()),
        Err(tat) => Err(tat.saturating_sub(now).saturating_sub(rate.tolerance_ns)),
    }
}
