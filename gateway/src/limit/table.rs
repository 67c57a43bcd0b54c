//! A table that does not grow beyond its size, and forgets what is as good as new.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use dashmap::iter::IterMut;
use dashmap::mapref::one::RefMut;

const SECOND: u64 = 1_000_000_000;

/// What a table holds.
pub trait Used: Default {
    /// Whether a new one would do as well at `now`, in nanoseconds since any fixed moment.
    fn is_as_new(&self, now: u64) -> bool;
}

/// A theoretical arrival time.
impl Used for u64 {
    fn is_as_new(&self, now: u64) -> bool {
        *self <= now
    }
}

/// Values by key, `max` of them at once.
#[derive(Debug)]
pub struct Table<K: Eq + Hash, V> {
    entries: DashMap<K, V>,
    max: usize,
    /// Nanosecond of the last sweep: at most one a second.
    swept: AtomicU64,
}

impl<K: Eq + Hash, V: Used> Table<K, V> {
    /// One for `max` keys.
    pub fn new(max: u32) -> Self {
        Self { entries: DashMap::new(), max: max as usize, swept: AtomicU64::new(0) }
    }

    /// The value of `key`, a new one where there was none. `None` when there is no room for it.
    pub fn entry(&self, key: K, now: u64) -> Option<RefMut<'_, K, V>> {
        if !self.entries.contains_key(&key) && self.entries.len() >= self.max && !self.make_room(now) {
            return None;
        }
        Some(self.entries.entry(key).or_default())
    }

    /// The value of `key`, where there is one.
    pub fn get_mut(&self, key: &K) -> Option<RefMut<'_, K, V>> {
        self.entries.get_mut(key)
    }

    /// Forgets `key`, and returns what it had.
    pub fn remove(&self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// Every key with its value. Nobody may use the table in between.
    pub fn iter_mut(&self) -> IterMut<'_, K, V> {
        self.entries.iter_mut()
    }

    /// Keys that are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets what is as good as new. False when there was no time or no room.
    fn make_room(&self, now: u64) -> bool {
        let swept = self.swept.load(Ordering::Relaxed);
        let due = now.saturating_sub(swept) >= SECOND
            && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if due {
            self.entries.retain(|_, value| !value.is_as_new(now));
        }
        self.entries.len() < self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_is_swept_once_a_second_at_most() {
        let table = Table::<u8, u64>::new(1);
        let quarter = SECOND / 4;
        let enter = |key, now| table.entry(key, now).map(|mut until| *until = now + quarter).is_some();
        assert!(enter(1, SECOND));
        assert!(!enter(2, SECOND), "nothing is over");
        assert!(!enter(2, SECOND + 2 * quarter), "it is over, and the second is not");
        assert!(enter(2, 2 * SECOND));
        assert_eq!(table.len(), 1);
    }
}
