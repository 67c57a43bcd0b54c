//! What happened: phases, and how things stood all the time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::people::Crew;
use super::samples::Sample;
use crate::sim::{Summary, Tally};

/// Rates over less time than that say nothing.
const SHORTEST: Duration = Duration::from_millis(200);

/// How things stood in a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Tick {
    /// Seconds since the beginning.
    pub(super) at: f64,
    /// Good devices that are up.
    pub(super) up: usize,
    /// A second.
    pub(super) handshakes: f64,
    /// A second.
    pub(super) requests: f64,
    /// In milliseconds.
    pub(super) p50: Option<f64>,
    /// In milliseconds.
    pub(super) p99: Option<f64>,
    /// Good devices' failures and refusals so far.
    pub(super) errors: BTreeMap<String, u64>,
    /// Bad devices that were let in so far.
    pub(super) admitted: u64,
}

/// The time between two things that were done to the fleet.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub(super) name: String,
    /// Seconds since the beginning.
    pub(super) from: f64,
    pub(super) to: f64,
    /// A tally a fleet, in the scenario's order.
    pub(super) fleets: Vec<Tally>,
}

/// Devices that came back.
#[derive(Clone, Debug)]
pub(super) struct Return {
    /// After what.
    pub(super) event: &'static str,
    /// How many.
    pub(super) devices: usize,
    /// How long it took until all were; `None` when they were not in time.
    pub(super) took: Option<Duration>,
    /// Fleets that it was done to.
    pub(super) fleets: Vec<String>,
    /// The phase in which they came.
    pub(super) phase: usize,
}

/// Everything that happened.
pub(super) struct Record {
    begun: Instant,
    /// What is in no tick yet, and since when.
    rest: Tally,
    last: Instant,
    pub(super) phases: Vec<Phase>,
    pub(super) ticks: Vec<Tick>,
    pub(super) samples: Vec<Sample>,
    pub(super) returns: Vec<Return>,
}

impl Record {
    pub(super) fn new(fleets: usize) -> Self {
        let now = Instant::now();
        let first =
            Phase { name: "arrive".to_owned(), from: 0.0, to: 0.0, fleets: vec![Tally::default(); fleets] };
        Self {
            begun: now,
            rest: Tally::default(),
            last: now,
            phases: vec![first],
            ticks: Vec::new(),
            samples: Vec::new(),
            returns: Vec::new(),
        }
    }

    /// Seconds since the beginning.
    pub(super) fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Takes what devices wrote down since the last time.
    pub(super) fn tick(&mut self, crews: &[Crew]) {
        let (now, at) = (Instant::now(), self.now());
        let Some(phase) = self.phases.last_mut() else { return };
        phase.to = at;
        for (crew, total) in crews.iter().zip(&mut phase.fleets) {
            let tally = crew.ledger.take();
            total.add(&tally);
            self.rest.add(&tally);
        }
        let since = now - self.last;
        if since < SHORTEST {
            return;
        }
        self.last = now;
        let sum = std::mem::take(&mut self.rest);
        let before = self.ticks.last();
        let mut errors = before.map(|tick| tick.errors.clone()).unwrap_or_default();
        for (reason, count) in sum.errors() {
            *errors.entry(reason).or_default() += count;
        }
        self.ticks.push(Tick {
            at,
            up: crews.iter().map(|crew| crew.ledger.up()).sum(),
            handshakes: Summary::rate(sum.handshakes.count(), since),
            requests: Summary::rate(sum.requests.count(), since),
            p50: sum.requests.millis(0.5),
            p99: sum.requests.millis(0.99),
            errors,
            admitted: before.map_or(0, |tick| tick.admitted) + sum.admitted_in_all(),
        });
    }

    /// Begins a phase.
    pub(super) fn phase(&mut self, name: &str, crews: &[Crew]) {
        self.tick(crews);
        let from = self.now();
        let fleets = vec![Tally::default(); crews.len()];
        self.phases.push(Phase { name: name.to_owned(), from, to: from, fleets });
    }

    /// What the fleets that are chosen saw in the phases that are chosen.
    pub(super) fn sum(&self, phases: impl Fn(usize) -> bool, fleets: impl Fn(usize) -> bool) -> Tally {
        let mut sum = Tally::default();
        let chosen = self.phases.iter().enumerate().filter(|(number, _)| phases(*number));
        for (_, phase) in chosen {
            let tallies = phase.fleets.iter().enumerate().filter(|(number, _)| fleets(*number));
            tallies.for_each(|(_, tally)| sum.add(tally));
        }
        sum
    }
}
