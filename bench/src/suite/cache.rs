//! Suite `cache`: what it takes to find a known device among 100,000, and to bring one in, while another thread does the
//! other; for the verdict cache, and for the map in it beside another one. Criterion measures; this takes turns.

mod criterion;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use criterion::Program;

use super::{Event, ProgramError};
use crate::machine;
use crate::measure::{Comparison, NotInterleaved, Report, Row, Run, Series};

/// The agreed bound of a hit, in nanoseconds.
const HIT: f64 = 1_000.0;

/// What the suite is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// `gateway/benches/verdict_cache`, built.
    pub program: PathBuf,
    /// How often all take their turn.
    pub rounds: usize,
    /// How long each is measured in a round, in seconds.
    pub seconds: u32,
}

/// Why it came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The program failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// No ratio.
    #[error(transparent)]
    NotInterleaved(#[from] NotInterleaved),
    /// No folder for what criterion writes.
    #[error("cannot set up: {0}")]
    Io(#[from] std::io::Error),
}

/// What is measured of each.
const WORK: [(&str, &str); 2] =
    [("hit", "hit among 100k, others coming and going"), ("replacement", "newcomer, others being looked up")];

/// What it is measured of, as the program calls them.
const STORES: [&str; 3] = ["verdict_cache", "dashmap", "papaya"];

/// Nanoseconds, by work and store.
type Results = [[Series; STORES.len()]; WORK.len()];

impl Options {
    /// Enough for figures to hold on to, or less.
    pub fn choose(program: PathBuf, quick: bool, rounds: Option<NonZeroUsize>) -> Self {
        let (most, seconds) = if quick { (3, 1) } else { (7, 3) };
        Self { program, rounds: rounds.map_or(most, NonZeroUsize::get), seconds }
    }
}

/// Runs the suite; `tell` hears how far it is.
///
/// # Errors
/// When anything could not be measured as it should.
pub async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, CacheError> {
    let folder = tempfile::Builder::new().prefix("fleetgate-bench-").tempdir()?;
    let program = Program::new(&options.program, folder.path());
    let (mut results, mut bound) = (Results::default(), Series::default());
    tell(Event::Steps(options.rounds));
    for round in Run::begin().rounds(options.rounds) {
        tell(Event::Step(round.number(), "verdict cache, dashmap and papaya, one after the other"));
        program.run(options.seconds).await?;
        for ((work, _), of_work) in WORK.into_iter().zip(&mut results) {
            for (store, series) in STORES.into_iter().zip(of_work) {
                round.record(series, program.nanoseconds(work, store)?);
            }
        }
        round.record(&mut bound, HIT);
    }
    let host = format!(
        "{}; a benchmark's value in a round is criterion's median, of {} s",
        machine::describe(),
        options.seconds
    );
    Ok(Report { suite: "cache", host, rows: rows(&results, &bound)? })
}

fn rows(results: &Results, bound: &Series) -> Result<Vec<Row>, NotInterleaved> {
    let [hit, _] = results;
    let [cache, ..] = hit;
    let name = |work: &str, store: &str| format!("{work}: {store}");
    let [(_, hits), _] = WORK;
    let agreed = Comparison {
        name: name(hits, "verdict cache"),
        unit: "ns",
        ours: cache,
        reference: "the bound",
        theirs: bound,
        target: Some(1.0),
    };
    let mut rows = vec![agreed.row()?];
    for ((_, work), [cache, dashmap, papaya]) in WORK.into_iter().zip(results) {
        for (store, ours, reference, theirs) in
            [("verdict cache", cache, "dashmap by itself", dashmap), ("dashmap", dashmap, "papaya", papaya)]
        {
            let name = name(work, store);
            rows.push(Comparison { name, unit: "ns", ours, reference, theirs, target: None }.row()?);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_has_the_agreed_bound_and_the_maps_stand_beside_each_other() {
        let (mut results, mut bound) = (Results::default(), Series::default());
        for round in Run::begin().rounds(2) {
            results.iter_mut().flatten().for_each(|series| round.record(series, 250.0));
            round.record(&mut bound, HIT);
        }
        let rows = rows(&results, &bound).unwrap();
        let with_target: Vec<_> = rows.iter().filter(|row| row.target.is_some()).collect();
        assert!(matches!(with_target[..], [row] if row.met == Some(true) && row.reference_value <= 1_000.0));
        assert_eq!(rows.iter().filter(|row| row.reference == "papaya").count(), WORK.len());
    }
}
