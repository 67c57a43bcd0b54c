//! Hits and misses, counted by each thread for itself: a counter that all had in common would be a cache line that every
//! handshake of every worker writes to.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use thread_local::ThreadLocal;

/// Lookups by what came of them, of all threads, also those that ended.
#[derive(Default)]
pub(super) struct Lookups(ThreadLocal<CachePadded<Counts>>);

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Lookups {
    /// Counts one.
    pub(super) fn count(&self, hit: bool) {
        let Counts { hits, misses } = &**self.0.get_or_default();
        let counter = if hit { hits } else { misses };
        // Nobody else writes here, so there is nothing to lose between the two.
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Those that found a live verdict.
    pub(super) fn hits(&self) -> u64 {
        self.0.iter().map(|counts| counts.hits.load(Ordering::Relaxed)).sum()
    }

    /// Those that did not.
    pub(super) fn misses(&self) -> u64 {
        self.0.iter().map(|counts| counts.misses.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ptr;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn lookups_of_all_threads_are_counted_also_of_those_that_ended() {
        const THREADS: u64 = 8;
        let lookups = Lookups::default();
        for _ in 0..2 {
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    let lookups = &lookups;
                    scope.spawn(move || (0..1_000).for_each(|number| lookups.count(number >= thread)));
                }
            });
        }
        let misses = 2 * (0..THREADS).sum::<u64>();
        assert_eq!((lookups.hits(), lookups.misses()), (2 * THREADS * 1_000 - misses, misses));
    }

    /// Invariant 4: a hit writes to nothing that another worker's hit writes to.
    #[test]
    fn threads_count_on_cache_lines_of_their_own() {
        const THREADS: usize = 4;
        const LINE: usize = 64;
        let (lookups, all_here) = (Lookups::default(), Barrier::new(THREADS));
        let lines: HashSet<_> = thread::scope(|scope| {
            let count = || {
                lookups.count(true);
                all_here.wait();
                let Counts { hits, misses } = &**lookups.0.get_or_default();
                [hits, misses].map(|counter| ptr::from_ref(counter).addr() / LINE)
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(count)).collect();
            threads.into_iter().flat_map(|thread| HashSet::from(thread.join().unwrap())).collect()
        });
        assert_eq!(lines.len(), THREADS);
    }
}
