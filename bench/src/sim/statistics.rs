//! What devices saw.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::{Bad, Summary};
use crate::latency::Latency;

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

/// What all devices saw, while they work. For one thread.
#[derive(Debug)]
pub struct Statistics {
    begun: Instant,
    devices: usize,
    bad: usize,
    up: Cell<usize>,
    handshakes: RefCell<Latency>,
    requests: RefCell<Latency>,
    errors: RefCell<BTreeMap<String, u64>>,
    refused: RefCell<BTreeMap<Bad, BTreeMap<String, u64>>>,
    admitted: RefCell<BTreeMap<Bad, u64>>,
}

impl Statistics {
    /// Nothing yet, of `devices` of which `bad` should be refused.
    pub fn new(devices: usize, bad: usize) -> Self {
        Self {
            begun: Instant::now(),
            devices,
            bad,
            up: Cell::default(),
            handshakes: RefCell::default(),
            requests: RefCell::default(),
            errors: RefCell::default(),
            refused: RefCell::default(),
            admitted: RefCell::default(),
        }
    }

    pub(super) fn connected(&self, time: Duration) {
        self.handshakes.borrow_mut().record(time);
    }

    /// Counts a device as up for as long as what comes back lives.
    pub(super) fn up(&self) -> Up<'_> {
        self.up.set(self.up.get() + 1);
        Up(&self.up)
    }

    pub(super) fn answered(&self, time: Duration) {
        self.requests.borrow_mut().record(time);
    }

    pub(super) fn failed(&self, reason: String) {
        *self.errors.borrow_mut().entry(reason).or_default() += 1;
    }

    pub(super) fn refused(&self, bad: Bad, reason: String) {
        *self.refused.borrow_mut().entry(bad).or_default().entry(reason).or_default() += 1;
    }

    pub(super) fn admitted(&self, bad: Bad) {
        *self.admitted.borrow_mut().entry(bad).or_default() += 1;
    }

    /// Counts so far.
    pub fn counts(&self) -> Counts {
        Counts { handshakes: self.handshakes.borrow().count(), requests: self.requests.borrow().count() }
    }

    /// One line of what is going on; `added` came in the last `time`.
    pub fn line(&self, added: Counts, time: Duration) -> String {
        let per_second = |count| Summary::rate(count, time);
        let mut errors = String::new();
        for (reason, count) in &*self.errors.borrow() {
            // Writing to a string cannot fail.
            let _ = write!(errors, " · {count} {reason}");
        }
        let admitted: u64 = self.admitted.borrow().values().sum();
        let refused: u64 = self.refused.borrow().values().flat_map(BTreeMap::values).sum();
        let (handshakes, requests) = (per_second(added.handshakes), per_second(added.requests));
        format!(
            "{} of {} devices up · {handshakes:.1} handshakes/s · {requests:.1} requests/s · request {} · {refused} refused \
             as they should{}{errors}",
            self.up.get(),
            self.devices - self.bad,
            self.requests.borrow(),
            if admitted > 0 { format!(" · {admitted} ADMITTED") } else { String::new() },
        )
    }

    /// What it comes to.
    pub fn summary(&self) -> Summary {
        let label = |(bad, value): (&Bad, &BTreeMap<_, _>)| (bad.label(), value.clone());
        Summary {
            devices: self.devices,
            bad: self.bad,
            elapsed: self.begun.elapsed(),
            handshakes: self.handshakes.borrow().clone(),
            requests: self.requests.borrow().clone(),
            errors: self.errors.borrow().clone(),
            refused: self.refused.borrow().iter().map(label).collect(),
            admitted: self.admitted.borrow().iter().map(|(bad, count)| (bad.label(), *count)).collect(),
        }
    }
}

/// A device that is connected.
pub(super) struct Up<'a>(&'a Cell<usize>);

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
