//! Suite `xdp`: what a packet costs on each way through the XDP program, beside one that passes everything.
//!
//! A program of the tests measures, with the frames of its fixtures; this makes rows of what it writes.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use tokio::process::Command;

use super::{Event, ProgramError, program};
use crate::machine;
use crate::measure::{Comparison, NotInterleaved, Report, Run, Series};

/// What the suite is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// `tests/examples/xdp`, built.
    pub program: PathBuf,
    /// How often all ways take their turn.
    pub rounds: usize,
    /// Packets a way and round.
    pub packets: u32,
}

/// Why it came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum XdpError {
    /// The program failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// No ratio.
    #[error(transparent)]
    NotInterleaved(#[from] NotInterleaved),
}

/// What the program can be beside.
const REFERENCES: [&str; 2] = ["bare XDP_PASS", "xdp-filter"];

/// One way through the program, beside something.
#[derive(Default)]
struct Way {
    /// Nanoseconds above the other that it may take.
    target: Option<f64>,
    ours: Series,
    theirs: Series,
}

/// What the program says of a way.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    name: &'a str,
    target: Option<f64>,
    ours: f64,
    reference: &'static str,
    theirs: f64,
}

impl Options {
    /// Enough for figures to hold on to, or less.
    pub fn choose(program: PathBuf, quick: bool, rounds: Option<NonZeroUsize>) -> Self {
        let (most, packets) = if quick { (3, 200_000) } else { (9, 1_000_000) };
        Self { program, rounds: rounds.map_or(most, NonZeroUsize::get), packets }
    }
}

/// Runs the suite.
///
/// # Errors
/// When the program does not run: it needs root.
pub async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, XdpError> {
    tell(Event::Stage("packets through BPF_PROG_TEST_RUN"));
    let mut ways: BTreeMap<(String, &str), Way> = BTreeMap::new();
    for round in Run::begin().rounds(options.rounds) {
        let mut command = Command::new(&options.program);
        command.args(["1".to_owned(), options.packets.to_string()]);
        let said = program::run("the XDP program's ways", command).await?;
        for line in said.lines() {
            let Some(Line { name, target, ours, reference, theirs }) = parse(line) else {
                return Err(ProgramError::NoFigure { what: line.to_owned() }.into());
            };
            let way = ways.entry((name.to_owned(), reference)).or_default();
            way.target = target;
            round.record(&mut way.ours, ours);
            round.record(&mut way.theirs, theirs);
        }
    }
    let rows = ways.into_iter().map(|((name, reference), way)| {
        let base = way.theirs.spread().map_or(0.0, |spread| spread.median);
        // The agreed bounds are nanoseconds above bare.
        let target = way.target.map(|target| (base + target) / base);
        let (ours, theirs) = (&way.ours, &way.theirs);
        Comparison { name, unit: "ns", ours, reference, theirs, target }.row()
    });
    Ok(Report { suite: "xdp", host: machine::describe(), rows: rows.collect::<Result<_, _>>()? })
}

/// A line: name, nanoseconds that it may take above the other, that it takes, the other, and what that takes.
fn parse(line: &str) -> Option<Line<'_>> {
    let mut fields = line.split('\t');
    let name = fields.next()?;
    let target = match fields.next()? {
        "-" => None,
        target => Some(target.parse().ok()?),
    };
    let ours = fields.next()?.parse().ok()?;
    let reference = fields.next()?;
    let reference = REFERENCES.into_iter().find(|known| *known == reference)?;
    Some(Line { name, target, ours, reference, theirs: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_way_and_its_figures() {
        let line =
            |target, reference| Line { name: "a way, IPv4", target, ours: 74.0, reference, theirs: 21.5 };
        assert_eq!(
            parse("a way, IPv4\t60\t74\tbare XDP_PASS\t21.5"),
            Some(line(Some(60.0), "bare XDP_PASS"))
        );
        assert_eq!(parse("a way, IPv4\t-\t74\txdp-filter\t21.5"), Some(line(None, "xdp-filter")));
        assert_eq!(parse("thread 'main' panicked"), None);
    }
}
