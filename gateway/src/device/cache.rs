//! The verdict cache: devices that verified, found again by fingerprint.
//!
//! Positives only: a negative keyed by leaf could be planted by sending a good leaf with a bad chain. Bounded: a
//! full cache makes room by second chance, in constant time, for the price of one queue entry a verdict.

mod lookups;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use lookups::Lookups;

use super::identity::Fingerprint;
use super::step::step;
use super::trust::{TrustSetId, Verified};

/// Entries that an insertion gives a second chance before it takes the next one anyway.
const CHANCES: usize = 64;

/// Entries that a flush takes before it lets an insertion in between.
const FLUSHED_AT_ONCE: usize = 256;

/// What a verdict is cached under. The trust set's id stands for its anchors and rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The trust set that it was verified for.
    pub trust_set: TrustSetId,
    /// The leaf.
    pub leaf: Fingerprint,
}

struct Slot {
    verified: Arc<Verified>,
    /// Set by a hit, taken away by the clock hand.
    recent: AtomicBool,
}

/// Verified devices by fingerprint.
pub struct VerdictCache {
    map: DashMap<Key, Slot>,
    /// Every key of the map once, oldest first: the clock. Lookups never look at it.
    clock: Mutex<VecDeque<Key>>,
    capacity: usize,
    lookups: Lookups,
    evictions: AtomicU64,
}

/// What a cache has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Statistics {
    /// Entries now.
    pub entries: u64,
    /// Entries at most.
    pub capacity: u64,
    /// Lookups that found a live verdict.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Verdicts that made room for others.
    pub evictions: u64,
}

impl VerdictCache {
    /// An empty cache of `capacity` entries, at least one.
    pub fn new(capacity: u32) -> Self {
        Self {
            map: DashMap::new(),
            clock: Mutex::new(VecDeque::new()),
            capacity: capacity.max(1) as usize,
            lookups: Lookups::default(),
            evictions: AtomicU64::new(0),
        }
    }

    /// The verdict for `key`, if it is there and live at `now` (seconds since the epoch). Takes a shard's read
    /// lock and leaves a mark.
    pub fn get(&self, key: &Key, now: u64) -> Option<Arc<Verified>> {
        step();
        let found = self.map.get(key).filter(|slot| slot.verified.is_live(now)).map(|slot| {
            // Most hits find the mark set; reading it first leaves the cache line shared.
            if !slot.recent.load(Ordering::Relaxed) {
                slot.recent.store(true, Ordering::Relaxed);
            }
            Arc::clone(&slot.verified)
        });
        self.lookups.count(found.is_some());
        found
    }

    /// Remembers a device that verified and proved that it holds its key.
    pub fn insert(&self, verified: Arc<Verified>) {
        step();
        let key = Key { trust_set: verified.trust_set, leaf: verified.identity.fingerprint };
        let slot = Slot { verified, recent: AtomicBool::new(false) };
        // Held to the end: whoever changes which keys there are does so alone.
        let mut clock = self.lock();
        if let Some(mut known) = self.map.get_mut(&key) {
            *known = slot;
            return;
        }
        // Before the newcomer is in: the hand must not take it for the one that nobody asked for.
        while clock.len() >= self.capacity {
            self.evict_one(&mut clock);
        }
        self.map.insert(key, slot);
        clock.push_back(key);
    }

    /// Forgets a device, for whichever trust sets it was verified; gives the number of its verdicts. A handshake that
    /// is under way meanwhile may bring it back.
    pub fn evict(&self, leaf: &Fingerprint) -> usize {
        let mut clock = self.lock();
        let before = clock.len();
        clock.retain(|key| {
            let goes = key.leaf == *leaf;
            if goes {
                self.map.remove(key);
            }
            !goes
        });
        before - clock.len()
    }

    /// Forgets every device; gives the number of verdicts. Lookups and insertions go on meanwhile, and what they bring
    /// does not keep it going: it ends after as many as the cache can hold.
    pub fn flush(&self) -> usize {
        let mut flushed = 0;
        loop {
            let mut clock = self.lock();
            let some = clock.len().min(FLUSHED_AT_ONCE).min(self.capacity - flushed);
            if some == 0 {
                return flushed;
            }
            for key in clock.drain(..some) {
                self.map.remove(&key);
            }
            flushed += some;
        }
    }

    /// Shows every verdict to `visit`, in no order, and perhaps those that come or go meanwhile. `visit` holds up the
    /// insertions of a shard: it should be short.
    pub fn walk(&self, mut visit: impl FnMut(&Verified)) {
        self.map.iter().for_each(|slot| visit(&slot.verified));
    }

    /// What the cache has done so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            entries: self.lock().len() as u64,
            capacity: self.capacity as u64,
            hits: self.lookups.hits(),
            misses: self.lookups.misses(),
            evictions: self.evictions.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Key>> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn evict_one(&self, clock: &mut VecDeque<Key>) {
        for chance in 0.. {
            let Some(key) = clock.pop_front() else { return };
            let recent = self.map.get(&key).is_some_and(|slot| slot.recent.swap(false, Ordering::Relaxed));
            if !recent || chance == CHANCES {
                self.map.remove(&key);
                self.evictions.fetch_add(1, Ordering::Relaxed);
                return;
            }
            clock.push_back(key);
        }
    }
}

#[cfg(test)]
mod tests;
