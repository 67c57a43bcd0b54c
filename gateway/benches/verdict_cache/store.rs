//! What verdicts are kept in: the cache, and maps by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::DashMap;
use fleetgate::device::cache::{Key, VerdictCache};
use fleetgate::device::trust::Verified;

use crate::population::key;

/// What verdicts are kept in.
pub(crate) trait Store: Sync {
    fn get(&self, key: &Key, now: u64) -> Option<Arc<Verified>>;
    fn insert(&self, verified: Arc<Verified>);
    /// Makes room for `coming`: in a map, by taking `leaving` out.
    fn replace(&self, leaving: &Verified, coming: Arc<Verified>);
}

/// What the cache has in its map: a verdict, and the mark that a hit leaves.
pub(crate) struct Slot {
    verified: Arc<Verified>,
    recent: AtomicBool,
}

impl Slot {
    fn new(verified: Arc<Verified>) -> Self {
        Self { verified, recent: AtomicBool::new(false) }
    }

    fn hit(&self, now: u64) -> Option<Arc<Verified>> {
        if !self.recent.load(Ordering::Relaxed) {
            self.recent.store(true, Ordering::Relaxed);
        }
        self.verified.is_live(now).then(|| Arc::clone(&self.verified))
    }
}

impl Store for VerdictCache {
    fn get(&self, key: &Key, now: u64) -> Option<Arc<Verified>> {
        self.get(key, now)
    }

    fn insert(&self, verified: Arc<Verified>) {
        self.insert(verified);
    }

    /// It is full, and chooses by itself.
    fn replace(&self, _: &Verified, coming: Arc<Verified>) {
        self.insert(coming);
    }
}

impl Store for DashMap<Key, Slot> {
    fn get(&self, key: &Key, now: u64) -> Option<Arc<Verified>> {
        self.get(key).and_then(|slot| slot.hit(now))
    }

    fn insert(&self, verified: Arc<Verified>) {
        self.insert(key(&verified), Slot::new(verified));
    }

    fn replace(&self, leaving: &Verified, coming: Arc<Verified>) {
        self.remove(&key(leaving));
        self.insert(key(&coming), Slot::new(coming));
    }
}

impl Store for papaya::HashMap<Key, Slot> {
    fn get(&self, key: &Key, now: u64) -> Option<Arc<Verified>> {
        self.pin().get(key).and_then(|slot| slot.hit(now))
    }

    fn insert(&self, verified: Arc<Verified>) {
        self.pin().insert(key(&verified), Slot::new(verified));
    }

    fn replace(&self, leaving: &Verified, coming: Arc<Verified>) {
        let map = self.pin();
        map.remove(&key(leaving));
        map.insert(key(&coming), Slot::new(coming));
    }
}
