//! The cache against its bounds, the clock, and a naive model.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::device::tests::pki::{Ca, DAY, NOW, bundle, device_params, trust, valid, verify};
use crate::device::trust::TrustSet;

const DEVICES: usize = 12;

/// Devices of one CA. Making certificates is the slow part, so that all tests share them.
static SITE: LazyLock<(TrustSet, Vec<Arc<Verified>>)> = LazyLock::new(|| {
    let ca = Ca::root("Root");
    let trust = trust([&ca.bundle()]);
    let device = |number| {
        let leaf = ca.issue(&valid(device_params(&format!("device {number}")), NOW - DAY, NOW + DAY));
        Arc::new(verify(&trust, &leaf, &[], NOW).unwrap())
    };
    let devices = (0..DEVICES).map(device).collect();
    (trust, devices)
});

fn device(number: usize) -> Arc<Verified> {
    Arc::clone(&SITE.1[number])
}

fn key(number: usize) -> Key {
    Key { trust_set: SITE.0.id(), leaf: SITE.1[number].identity.fingerprint }
}

fn has(cache: &VerdictCache, number: usize) -> bool {
    cache.get(&key(number), NOW).is_some()
}

#[test]
fn a_full_cache_makes_room_for_the_newest_by_dropping_the_oldest() {
    let cache = VerdictCache::new(3);
    (0..5).for_each(|number| cache.insert(device(number)));
    let found: Vec<_> = (0..5).filter(|number| has(&cache, *number)).collect();
    assert_eq!(found, [2, 3, 4]);
    assert_eq!(cache.statistics().entries, 3);
    assert_eq!(cache.map.len(), 3);
}

#[test]
fn who_was_asked_for_gets_a_second_chance_and_not_a_third() {
    let cache = VerdictCache::new(3);
    (0..3).for_each(|number| cache.insert(device(number)));
    assert!(has(&cache, 0));
    cache.insert(device(3));
    assert!(cache.map.contains_key(&key(0)) && !cache.map.contains_key(&key(1)));
    cache.insert(device(4));
    cache.insert(device(5));
    assert!(!cache.map.contains_key(&key(0)), "its one chance was used");
}

#[test]
fn the_newcomer_is_kept_although_all_others_were_asked_for() {
    let cache = VerdictCache::new(3);
    (0..3).for_each(|number| cache.insert(device(number)));
    assert!((0..3).all(|number| has(&cache, number)));
    cache.insert(device(3));
    assert!(has(&cache, 3));
    assert_eq!(cache.map.len(), 3);
}

#[test]
fn making_room_takes_bounded_time_although_everybody_was_asked_for() {
    let capacity = u32::try_from(CHANCES * 4).unwrap();
    let cache = VerdictCache::new(capacity);
    let mut clock = VecDeque::new();
    for number in 0..CHANCES * 4 {
        let mut leaf = [0; 32];
        leaf[..8].copy_from_slice(&number.to_be_bytes());
        let key = Key { trust_set: SITE.0.id(), leaf: Fingerprint(leaf) };
        cache.map.insert(key, Slot { verified: device(0), recent: AtomicBool::new(true) });
        clock.push_back(key);
    }
    *cache.clock.lock().unwrap() = clock;
    cache.insert(device(1));
    let given = cache.map.iter().filter(|slot| !slot.recent.load(Ordering::Relaxed)).count();
    assert_eq!(given, CHANCES + 1, "the chances given, and the newcomer");
    assert_eq!(cache.map.len(), CHANCES * 4);
}

#[test]
fn a_verdict_that_ran_out_is_not_found() {
    let cache = VerdictCache::new(3);
    cache.insert(device(0));
    assert!(cache.get(&key(0), NOW + DAY).is_some());
    assert!(cache.get(&key(0), NOW + DAY + 1).is_none());
    assert_eq!((cache.statistics().hits, cache.statistics().misses), (1, 1));
}

#[test]
fn a_verdict_of_another_trust_set_is_not_found() {
    let cache = VerdictCache::new(3);
    cache.insert(device(0));
    let other = trust([&bundle("other", [&Ca::root("Other")])]);
    assert!(cache.get(&Key { trust_set: other.id(), ..key(0) }, NOW).is_none());
    assert!(cache.get(&Key { leaf: Fingerprint([0; 32]), ..key(0) }, NOW).is_none());
}

/// Another verdict that says the same.
fn copy(of: &Verified) -> Verified {
    let identity = crate::device::identity::Identity::read(&of.chain[0], of.identity.fingerprint).unwrap();
    Verified {
        identity,
        anchor: Arc::clone(&of.anchor),
        path: of.path.clone(),
        intermediates: of.intermediates.clone(),
        issuer_serial: of.issuer_serial.clone(),
        expires_at: of.expires_at,
        trust_set: of.trust_set,
        chain: of.chain.clone(),
    }
}

#[test]
fn a_known_key_is_replaced_and_not_counted_twice() {
    let cache = VerdictCache::new(2);
    cache.insert(device(0));
    let mut later = copy(&device(0));
    later.expires_at += 1;
    let later = Arc::new(later);
    cache.insert(Arc::clone(&later));
    assert_eq!(cache.statistics().entries, 1);
    assert_eq!(cache.get(&key(0), NOW).unwrap().expires_at, later.expires_at);
    cache.insert(device(1));
    assert!(has(&cache, 0) && has(&cache, 1));
}

#[test]
fn a_capacity_of_nothing_is_one() {
    let cache = VerdictCache::new(0);
    cache.insert(device(0));
    assert!(has(&cache, 0));
    cache.insert(device(1));
    assert!(has(&cache, 1) && !has(&cache, 0));
}

#[test]
fn statistics_add_up() {
    let cache = VerdictCache::new(2);
    assert!(!has(&cache, 0));
    (0..5).for_each(|number| cache.insert(device(number)));
    assert!(has(&cache, 4));
    let expected = Statistics { entries: 2, capacity: 2, hits: 1, misses: 1, evictions: 3 };
    assert_eq!(cache.statistics(), expected);
}

#[test]
fn threads_that_insert_and_look_up_at_once_neither_exceed_the_capacity_nor_block_each_other() {
    const ROUNDS: usize = 2_000;
    let cache = VerdictCache::new(4);
    let _ = device(0);
    thread::scope(|scope| {
        for offset in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let number = (round * 5 + offset) % DEVICES;
                    cache.insert(device(number));
                    if let Some(found) = cache.get(&key(number), NOW) {
                        assert_eq!(found.identity.fingerprint, key(number).leaf);
                    }
                    assert!(cache.statistics().entries <= 4);
                }
            });
        }
        let cache = &cache;
        scope.spawn(move || {
            for _ in 0..ROUNDS {
                // Whoever has the clock is alone among the insertions.
                let clock = cache.clock.lock().unwrap();
                assert_eq!(cache.map.len(), clock.len());
            }
        });
    });
    let clock: Vec<_> = cache.clock.lock().unwrap().iter().copied().collect();
    let unique: HashSet<_> = clock.iter().copied().collect();
    assert_eq!((clock.len(), unique.len(), cache.map.len()), (4, 4, 4));
    assert!(clock.iter().all(|key| cache.map.contains_key(key)));
}

fn assert_consistent(cache: &VerdictCache) {
    let clock = cache.clock.lock().unwrap();
    let unique: HashSet<_> = clock.iter().copied().collect();
    assert_eq!((unique.len(), cache.map.len()), (clock.len(), clock.len()));
    assert!(clock.iter().all(|key| cache.map.contains_key(key)));
}

#[test]
fn an_evicted_device_is_gone_for_every_trust_set_and_others_stay() {
    let cache = VerdictCache::new(4);
    (0..3).for_each(|number| cache.insert(device(number)));
    let other = trust([&bundle("other", [&Ca::root("Other")])]);
    let mut elsewhere = copy(&device(1));
    elsewhere.trust_set = other.id();
    cache.insert(Arc::new(elsewhere));
    assert_eq!(cache.evict(&key(1).leaf), 2);
    assert_eq!([0, 1, 2].map(|number| has(&cache, number)), [true, false, true]);
    assert_eq!(cache.evict(&key(1).leaf), 0);
    assert_eq!(cache.statistics().evictions, 0, "it made room for nobody");
    assert_consistent(&cache);
    cache.insert(device(1));
    assert!(has(&cache, 1), "it may come again");
}

#[test]
fn a_flush_forgets_everybody_and_the_cache_goes_on() {
    let cache = VerdictCache::new(3);
    assert_eq!(cache.flush(), 0);
    (0..3).for_each(|number| cache.insert(device(number)));
    assert_eq!(cache.flush(), 3);
    assert!((0..3).all(|number| !has(&cache, number)));
    (0..5).for_each(|number| cache.insert(device(number)));
    assert_eq!(cache.statistics().entries, 3);
    assert_consistent(&cache);
}

#[test]
fn a_flush_takes_more_than_it_takes_at_once() {
    let entries = FLUSHED_AT_ONCE * 2 + 1;
    let cache = VerdictCache::new(u32::try_from(entries).unwrap());
    for number in 0..entries {
        let mut leaf = [0; 32];
        leaf[..8].copy_from_slice(&number.to_be_bytes());
        let key = Key { trust_set: SITE.0.id(), leaf: Fingerprint(leaf) };
        cache.map.insert(key, Slot { verified: device(0), recent: AtomicBool::new(true) });
        cache.clock.lock().unwrap().push_back(key);
    }
    assert_eq!(cache.flush(), entries);
    assert_eq!((cache.map.len(), cache.statistics().entries), (0, 0));
}

#[test]
fn a_walk_shows_every_verdict_once() {
    let cache = VerdictCache::new(4);
    (0..3).for_each(|number| cache.insert(device(number)));
    let mut seen = Vec::new();
    cache.walk(|verified| seen.push(verified.identity.fingerprint));
    let expected: HashSet<_> = (0..3).map(|number| key(number).leaf).collect();
    assert_eq!((seen.len(), seen.into_iter().collect::<HashSet<_>>()), (3, expected));
}

#[test]
fn threads_that_insert_evict_and_flush_at_once_leave_clock_and_map_consistent() {
    const ROUNDS: usize = 1_000;
    let cache = VerdictCache::new(6);
    let _ = device(0);
    thread::scope(|scope| {
        for offset in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let number = (round * 5 + offset) % DEVICES;
                    cache.insert(device(number));
                    cache.get(&key((number + 1) % DEVICES), NOW);
                    match round % 7 {
                        0 => assert!(cache.flush() <= 6 * 4),
                        1 | 2 => assert!(cache.evict(&key(number).leaf) <= 1),
                        _ => assert_consistent(cache),
                    }
                }
            });
        }
    });
    assert_consistent(&cache);
    let entries = cache.statistics().entries;
    assert_eq!(cache.flush() as u64, entries);
    assert_eq!(cache.map.len(), 0);
}

/// Second chance as a textbook has it, for capacities below the bound on chances.
#[derive(Default)]
struct Model {
    entries: Vec<(usize, bool)>,
}

impl Model {
    fn get(&mut self, number: usize) -> bool {
        let found = self.entries.iter_mut().find(|(entry, _)| *entry == number);
        found.map(|(_, recent)| *recent = true).is_some()
    }

    fn insert(&mut self, number: usize, capacity: usize) {
        if let Some((_, recent)) = self.entries.iter_mut().find(|(entry, _)| *entry == number) {
            *recent = false;
            return;
        }
        while self.entries.len() >= capacity {
            if let (entry, true) = self.entries.remove(0) {
                self.entries.push((entry, false));
            }
        }
        self.entries.push((number, false));
    }
}

proptest! {
    #[test]
    fn agrees_with_a_naive_second_chance(
        capacity in 1usize..8, steps in prop::collection::vec((0..DEVICES, any::<bool>()), 1..200),
    ) {
        let cache = VerdictCache::new(u32::try_from(capacity).unwrap());
        let mut model = Model::default();
        for (number, insert) in steps {
            if insert {
                cache.insert(device(number));
                model.insert(number, capacity);
                prop_assert!(cache.map.contains_key(&key(number)), "what was just inserted is there");
            } else {
                prop_assert_eq!(has(&cache, number), model.get(number));
            }
            prop_assert!(cache.map.len() <= capacity);
            let inside: HashSet<_> = model.entries.iter().map(|(number, _)| key(*number)).collect();
            let found: HashSet<_> = cache.map.iter().map(|slot| *slot.key()).collect();
            prop_assert_eq!(found, inside);
        }
    }
}

#[test]
fn a_device_is_forgotten_alone_and_all_are_together() {
    let cache = VerdictCache::new(8);
    (0..3).for_each(|number| cache.insert(device(number)));
    assert_eq!(cache.evict(&key(1).leaf), 1);
    assert_eq!(cache.evict(&key(1).leaf), 0);
    assert!(cache.get(&key(1), NOW).is_none() && cache.get(&key(0), NOW).is_some());
    assert_eq!(cache.flush(), 2);
    assert_eq!(cache.statistics().entries, 0);
    assert!(cache.get(&key(0), NOW).is_none());
    cache.insert(device(1));
    assert!(cache.get(&key(1), NOW).is_some());
}
