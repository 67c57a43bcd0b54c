//! Where the devices of a squad write down what they saw.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Bad, Tally};
use crate::client::Failure;

/// What devices saw, while they work. One thread writes; any may look.
#[derive(Debug, Default)]
pub struct Ledger {
    up: AtomicUsize,
    era: Mutex<Era>,
    tally: Mutex<Tally>,
}

/// The time since all connections were cut, and the devices that are up again.
#[derive(Debug, Default)]
struct Era {
    number: u64,
    up: usize,
}

/// How often each thing that goes well happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handshakes.
    pub handshakes: u64,
    /// Requests with a good answer.
    pub requests: u64,
}

impl Counts {
    /// What was added since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self { handshakes: self.handshakes - before.handshakes, requests: self.requests - before.requests }
    }
}

impl Ledger {
    /// Good devices that are connected and have had a good answer.
    pub fn up(&self) -> usize {
        self.up.load(Ordering::Relaxed)
    }

    /// Begins to count those that are [back](Self::back).
    pub fn new_era(&self) {
        let mut era = lock(&self.era);
        *era = Era { number: era.number + 1, up: 0 };
    }

    /// Good devices that are up on a connection of this era.
    pub fn back(&self) -> usize {
        lock(&self.era).up
    }

    /// Counts so far, since the last [`Ledger::take`].
    pub fn counts(&self) -> Counts {
        let tally = self.tally();
        Counts { handshakes: tally.handshakes.count(), requests: tally.requests.count() }
    }

    /// All so far, since the last [`Ledger::take`].
    pub fn so_far(&self) -> Tally {
        self.tally().clone()
    }

    /// The same, and begins anew.
    pub fn take(&self) -> Tally {
        std::mem::take(&mut self.tally())
    }

    /// In which era a connection begins.
    pub(super) fn era(&self) -> u64 {
        lock(&self.era).number
    }

    /// Counts a device as up for as long as what comes back lives; its connection began in `era`.
    pub(super) fn device_up(&self, era: u64) -> Up<'_> {
        self.up.fetch_add(1, Ordering::Relaxed);
        self.count_back(era, |up| *up += 1);
        Up { ledger: self, era }
    }

    fn count_back(&self, era: u64, count: impl FnOnce(&mut usize)) {
        let mut now = lock(&self.era);
        if now.number == era {
            count(&mut now.up);
        }
    }

    pub(super) fn connected(&self, time: Duration) {
        self.tally().handshakes.record(time);
    }

    pub(super) fn answered(&self, time: Duration) {
        self.tally().requests.record(time);
    }

    pub(super) fn failed(&self, failure: &Failure) {
        let mut tally = self.tally();
        let reasons = if failure.is_refusal() { &mut tally.refusals } else { &mut tally.failures };
        *reasons.entry(failure.label().into_owned()).or_default() += 1;
    }

    pub(super) fn closed(&self, failure: &Failure) {
        *self.tally().closed.entry(failure.label().into_owned()).or_default() += 1;
    }

    pub(super) fn ended_after_revocation(&self, time: Duration) {
        self.tally().revoked.record(time);
    }

    pub(super) fn turned_away(&self, bad: Bad, failure: &Failure) {
        let label = failure.label().into_owned();
        *self.tally().turned_away.entry(bad).or_default().entry(label).or_default() += 1;
    }

    pub(super) fn admitted(&self, bad: Bad) {
        *self.tally().admitted.entry(bad).or_default() += 1;
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A device that is connected.
pub(super) struct Up<'a> {
    ledger: &'a Ledger,
    era: u64,
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.ledger.up.fetch_sub(1, Ordering::Relaxed);
        self.ledger.count_back(self.era, |up| *up -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_back_is_up_on_a_connection_of_this_era() {
        let ledger = Ledger::default();
        let before = ledger.device_up(ledger.era());
        ledger.new_era();
        assert_eq!((ledger.up(), ledger.back()), (1, 0));
        let after = ledger.device_up(ledger.era());
        assert_eq!((ledger.up(), ledger.back()), (2, 1));
        drop(before);
        assert_eq!((ledger.up(), ledger.back()), (1, 1));
        drop(after);
        assert_eq!((ledger.up(), ledger.back()), (0, 0));
    }
}
