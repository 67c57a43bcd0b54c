//! Looking a known device up among 100,000, and bringing one in that takes another's place, each while another thread
//! does the other: the verdict cache, and under the same work the map that it is built on beside another one.
//!
//! `cargo bench -p fleetgate --bench verdict_cache`, or in interleaved rounds and with the agreed bound
//! `cargo xtask bench cache`.
#![expect(clippy::expect_used, reason = "without certificates there is nothing to measure")]

mod population;
mod store;

use std::hint::{black_box, spin_loop};
use std::iter::{Cycle, Skip};
use std::slice::Iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use dashmap::DashMap;
use fleetgate::device::cache::{Key, VerdictCache};
use fleetgate::device::trust::Verified;
use population::{ENTRIES, NOW, Population};
use store::{Slot, Store};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lookups between two looks at the clock.
const BATCH: u64 = 256;

/// Newcomers that are there at any time, beside those that are asked for.
const PRESENT: usize = 25_000;

/// How often a newcomer comes while lookups are measured: ten cores cannot verify as many. Without a pause the clock would
/// evict devices faster than one thread can ask for them, and what is measured would be misses.
const PACE: Duration = Duration::from_micros(10);

criterion_main!(benches);
criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(3));
    targets = hit, replacement
}

fn hit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hit");
    hits(&mut group, "verdict_cache", &verdict_cache());
    hits(&mut group, "dashmap", &DashMap::<_, Slot>::new());
    hits(&mut group, "papaya", &papaya::HashMap::<_, Slot>::new());
    group.finish();
}

fn replacement(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replacement");
    replacements(&mut group, "verdict_cache", &verdict_cache());
    replacements(&mut group, "dashmap", &DashMap::<_, Slot>::new());
    replacements(&mut group, "papaya", &papaya::HashMap::<_, Slot>::new());
    group.finish();
}

fn verdict_cache() -> VerdictCache {
    VerdictCache::new(u32::try_from(ENTRIES + PRESENT).expect("it fits"))
}

/// Lookups, while another thread brings newcomers in.
fn hits(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, store: &impl Store) {
    let (mut reader, mut newcomers) = fill(store);
    // Criterion comes here once a sample.
    group.bench_function(name, |bencher| {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    newcomers.bring(store);
                    while begun.elapsed() < PACE {
                        spin_loop();
                    }
                }
            });
            bencher.iter_custom(|lookups| reader.look_up(store, lookups));
            done.store(true, Ordering::Relaxed);
        });
    });
    reader.check();
}

/// Newcomers, as fast as they can come, while another thread looks known devices up.
fn replacements(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, store: &impl Store) {
    let (mut reader, mut newcomers) = fill(store);
    group.bench_function(name, |bencher| {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    reader.look_up(store, BATCH);
                }
            });
            bencher.iter(|| newcomers.bring(store));
            done.store(true, Ordering::Relaxed);
        });
    });
}

/// Puts everybody in, and asks for those once who will be asked for.
fn fill(store: &impl Store) -> (Reader<'static>, Newcomers<'static>) {
    let population = population::shared();
    population.residents.iter().for_each(|(_, resident)| store.insert(Arc::clone(resident)));
    Reader::of(population).look_up(store, ENTRIES as u64);
    population.newcomers.iter().take(PRESENT).for_each(|newcomer| store.insert(Arc::clone(newcomer)));
    (Reader::of(population), Newcomers::of(population))
}

/// Asks for residents, one after the other, in an order that has nothing to do with where they are.
struct Reader<'a> {
    residents: Cycle<Iter<'a, (Key, Arc<Verified>)>>,
    lookups: u64,
    misses: u64,
}

impl<'a> Reader<'a> {
    fn of(population: &'a Population) -> Self {
        Self { residents: population.residents.iter().cycle(), lookups: 0, misses: 0 }
    }

    /// How long that many lookups take. Who was not found is brought back, and that is not counted.
    fn look_up(&mut self, store: &impl Store, lookups: u64) -> Duration {
        let (mut time, mut left) = (Duration::ZERO, lookups);
        let mut missing = Vec::new();
        while left > 0 {
            let batch = left.min(BATCH);
            let begun = Instant::now();
            for ((key, resident), _) in self.residents.by_ref().zip(0..batch) {
                if black_box(store.get(key, NOW)).is_none() {
                    missing.push(resident);
                }
            }
            time += begun.elapsed();
            self.misses += missing.len() as u64;
            missing.drain(..).for_each(|resident| store.insert(Arc::clone(resident)));
            left -= batch;
        }
        self.lookups += lookups;
        time
    }

    /// Sees that what was timed were hits, all but a few: the clock also evicts who is not asked for often enough.
    fn check(&self) {
        assert!(self.misses * 50 <= self.lookups, "{} misses of {} lookups", self.misses, self.lookups);
    }
}

/// Brings newcomers in, and takes out those that came [`PRESENT`] before.
struct Newcomers<'a> {
    leaving: Cycle<Iter<'a, Arc<Verified>>>,
    coming: Skip<Cycle<Iter<'a, Arc<Verified>>>>,
}

impl<'a> Newcomers<'a> {
    fn of(population: &'a Population) -> Self {
        let all = population.newcomers.iter().cycle();
        Self { leaving: all.clone(), coming: all.skip(PRESENT) }
    }

    fn bring(&mut self, store: &impl Store) {
        if let (Some(leaving), Some(coming)) = (self.leaving.next(), self.coming.next()) {
            store.replace(leaving, Arc::clone(coming));
        }
    }
}
