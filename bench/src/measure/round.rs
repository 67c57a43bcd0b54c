//! Rounds: A B C, A B C, … A machine is faster in one minute than in the next, so only what alternated is compared.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Spread;

/// Two series that did not alternate: their ratio says as much about the hour as about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no ratio: the two were not measured in turns, in the same run")]
pub struct NotInterleaved;

/// Measurements that belong together.
#[derive(Debug)]
pub struct Run {
    id: u64,
    next: Cell<u64>,
}

/// One time around.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    run: &'a Run,
    number: usize,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    run: u64,
    round: usize,
    /// When it was taken, counted in samples.
    order: u64,
    value: f64,
}

/// What was measured of one thing, a value a round.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<Sample>);

/// How one series relates to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Median over median.
    pub of_medians: f64,
    /// Each round's own ratio.
    pub by_round: Spread,
}

impl Run {
    /// A new one, unlike any other.
    pub fn begin() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), next: Cell::default() }
    }

    /// Its rounds, one after the other.
    pub fn rounds(&self, count: usize) -> impl Iterator<Item = Round<'_>> {
        (0..count).map(|number| Round { run: self, number })
    }
}

impl Round<'_> {
    /// From 0.
    pub fn number(self) -> usize {
        self.number
    }

    /// Takes a value into a series.
    pub fn record(self, series: &mut Series, value: f64) {
        let order = self.run.next.replace(self.run.next.get() + 1);
        series.0.push(Sample { run: self.run.id, round: self.number, order, value });
    }
}

impl Series {
    /// What the values come to; `None` before the first.
    pub fn spread(&self) -> Option<Spread> {
        Spread::of(self.0.iter().map(|sample| sample.value))
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This over `reference`.
    ///
    /// # Errors
    /// When the two were not measured in turns.
    pub fn ratio(&self, reference: &Self) -> Result<Ratio, NotInterleaved> {
        if !interleaved(&self.0, &reference.0) {
            return Err(NotInterleaved);
        }
        let by_round = self.0.iter().zip(&reference.0).map(|(ours, theirs)| ours.value / theirs.value);
        match (self.spread(), reference.spread(), Spread::of(by_round)) {
            (Some(ours), Some(theirs), Some(by_round)) => {
                Ok(Ratio { of_medians: ours.median / theirs.median, by_round })
            }
            _ => Err(NotInterleaved),
        }
    }
}

/// Whether the two have one sample each in the same rounds of the same run, and no round began before the one before
/// had ended.
fn interleaved(ours: &[Sample], theirs: &[Sample]) -> bool {
    let mut last = None;
    let paired = ours.iter().zip(theirs).all(|(a, b)| {
        let together = (a.run, a.round) == (b.run, b.round);
        let after = last.is_none_or(|(round, order)| a.round > round && a.order.min(b.order) > order);
        last = Some((a.round, a.order.max(b.order)));
        together && after
    });
    paired && ours.len() == theirs.len()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "small integers are exact")]
mod tests {
    use super::*;

    #[test]
    fn what_alternated_has_a_ratio() {
        let (run, mut a, mut b) = (Run::begin(), Series::default(), Series::default());
        for (round, value) in run.rounds(3).zip([1.0, 5.0, 2.0]) {
            round.record(&mut a, value);
            round.record(&mut b, 4.0);
        }
        let ratio = a.ratio(&b).unwrap();
        assert_eq!(ratio.of_medians, 0.5);
        assert_eq!((ratio.by_round.min, ratio.by_round.max), (0.25, 1.25));
    }

    #[test]
    fn one_after_the_other_has_no_ratio() {
        let (run, mut a, mut b) = (Run::begin(), Series::default(), Series::default());
        for series in [&mut a, &mut b] {
            for round in run.rounds(3) {
                round.record(series, 1.0);
            }
        }
        assert_eq!(a.ratio(&b), Err(NotInterleaved));
    }

    #[test]
    fn two_runs_have_no_ratio() {
        let mut series = [Series::default(), Series::default()];
        for series in &mut series {
            Run::begin().rounds(1).for_each(|round| round.record(series, 1.0));
        }
        assert_eq!(series[0].ratio(&series[1]), Err(NotInterleaved));
    }

    #[test]
    fn a_round_that_is_missing_or_counted_twice_leaves_no_ratio() {
        let (run, mut a, mut short, mut twice) =
            (Run::begin(), Series::default(), Series::default(), Series::default());
        for round in run.rounds(2) {
            round.record(&mut a, 1.0);
            round.record(&mut twice, 1.0);
            if round.number() == 0 {
                round.record(&mut short, 1.0);
                round.record(&mut twice, 1.0);
            }
        }
        assert_eq!(a.ratio(&short), Err(NotInterleaved));
        assert_eq!(a.ratio(&twice), Err(NotInterleaved));
        assert_eq!(Series::default().ratio(&Series::default()), Err(NotInterleaved));
    }
}
