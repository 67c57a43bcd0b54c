//! Suite `crl`: what a handshake costs the server in instructions, without a CRL and with longer and longer ones; what
//! loading a long one takes; and how long it takes until one is enforced.

pub(super) mod program;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use program::{Case, Program};

use super::{Event, ProgramError, SuiteError, callgrind, revocation};
use crate::machine;
use crate::measure::{Comparison, NotInterleaved, Report, Round, Row, Run, Series};

/// CRLs by their entries.
const CRLS: [usize; 5] = [0, 1_000, 10_000, 100_000, MILLION];
/// The one whose loading is measured.
const MILLION: usize = 1_000_000;
/// Up to which webpki's default takes part: beyond, a handshake takes minutes to count.
const MOST_FOR_WEBPKI: usize = 100_000;

/// What the suite is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// `gateway/examples/measure`, built.
    pub program: PathBuf,
    /// The gateway's binary.
    pub gateway: PathBuf,
    /// Whether instructions are counted, which takes valgrind.
    pub counts: bool,
    /// How often all cases take their turn.
    pub rounds: usize,
    /// Handshakes a case and round.
    pub handshakes: usize,
}

/// Why it came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CrlError {
    /// A case failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// No ratio.
    #[error(transparent)]
    NotInterleaved(#[from] NotInterleaved),
    /// Enforcement could not be measured.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// No folder for certificates.
    #[error("cannot set up: {0}")]
    Io(#[from] std::io::Error),
}

/// What was counted of one case.
struct Count {
    case: Case,
    instructions: Series,
}

/// What loading took.
#[derive(Default)]
struct Loads {
    seconds: Series,
    resident: Series,
    peak: Series,
    file: Series,
}

impl Options {
    /// Enough for figures to hold on to, or less.
    pub fn choose(
        program: PathBuf,
        gateway: PathBuf,
        counts: bool,
        quick: bool,
        rounds: Option<NonZeroUsize>,
    ) -> Self {
        let (most, handshakes) = if quick { (2, 16) } else { (3, 64) };
        Self { program, gateway, counts, rounds: rounds.map_or(most, NonZeroUsize::get), handshakes }
    }
}

/// Runs the suite; `tell` hears how far it is.
///
/// # Errors
/// When anything could not be measured as it should.
pub async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, CrlError> {
    let folder = tempfile::Builder::new().prefix("fleetgate-bench-").tempdir()?;
    let program = Program::new(&options.program, folder.path());
    tell(Event::Stage("making certificates and CRLs"));
    program.prepare(&CRLS).await?;
    let cases = if options.counts { cases() } else { Vec::new() };
    let mut counts: Vec<_> =
        cases.into_iter().map(|case| Count { case, instructions: Series::default() }).collect();
    let (mut loads, mut bounds) = (Loads::default(), [Series::default(), Series::default()]);
    tell(Event::Steps(options.rounds * (counts.len() + 1)));
    for round in Run::begin().rounds(options.rounds) {
        for count in &mut counts {
            tell(Event::Step(round.number(), &count.case.name()));
            let instructions = program.instructions(count.case, options.handshakes).await?;
            round.record(&mut count.instructions, instructions);
        }
        tell(Event::Step(round.number(), "loading 1M entries"));
        loads.take(&program, round).await?;
        for (series, bound) in bounds.iter_mut().zip([LOAD_SECONDS, RESIDENT_MIB]) {
            round.record(series, bound);
        }
    }
    let mut rows = compare(&counts)?;
    rows.extend(loads.rows(&bounds)?);
    // Last, because it pins this process to a CPU.
    rows.extend(revocation::run(&options.gateway, options.rounds, tell).await?);
    Ok(Report { suite: "crl", host: describe(options), rows })
}

fn cases() -> Vec<Case> {
    let with_crls = |case: fn(Option<usize>) -> Case, most: usize| {
        let crls = CRLS.into_iter().filter(move |entries| *entries <= most).map(Some);
        std::iter::once(None).chain(crls).map(case)
    };
    std::iter::once(Case::Bare)
        .chain(with_crls(Case::Gateway, usize::MAX))
        .chain(with_crls(Case::Webpki, MOST_FOR_WEBPKI))
        .collect()
}

fn compare(counts: &[Count]) -> Result<Vec<Row>, NotInterleaved> {
    let mut rows = Vec::new();
    for ours in counts {
        let (reference, target) = match ours.case {
            Case::Bare => continue,
            Case::Gateway(None) => (Case::Bare, Some(1.02)),
            Case::Gateway(Some(_)) => (Case::Gateway(None), Some(1.03)),
            Case::Webpki(None) => (Case::Bare, None),
            Case::Webpki(Some(_)) => (Case::Webpki(None), None),
        };
        if let Some(theirs) = counts.iter().find(|count| count.case == reference) {
            let comparison = Comparison {
                name: format!("handshake, {}", ours.case.name()),
                unit: "instructions",
                ours: &ours.instructions,
                reference: reference.label(),
                theirs: &theirs.instructions,
                target,
            };
            rows.push(comparison.row()?);
        }
    }
    Ok(rows)
}

/// The agreed bound.
const LOAD_SECONDS: f64 = 2.0;
/// The agreed bound.
const RESIDENT_MIB: f64 = 24.0;

impl Loads {
    async fn take(&mut self, program: &Program<'_>, round: Round<'_>) -> Result<(), ProgramError> {
        let load = program.load(MILLION).await?;
        round.record(&mut self.seconds, load.seconds);
        round.record(&mut self.resident, mebibytes(load.heap_bytes));
        round.record(&mut self.peak, mebibytes(load.rss_peak_bytes.saturating_sub(load.rss_before_bytes)));
        round.record(&mut self.file, mebibytes(load.file_bytes));
        Ok(())
    }

    fn rows(&self, [seconds, resident]: &[Series; 2]) -> Result<[Row; 3], NotInterleaved> {
        let row = |name: &str, unit, ours, reference, theirs, target| {
            Comparison { name: name.to_owned(), unit, ours, reference, theirs, target }.row()
        };
        Ok([
            row("loading 1M entries, wall", "s", &self.seconds, "the bound", seconds, Some(1.0))?,
            row("1M entries, resident", "MiB", &self.resident, "the bound", resident, Some(1.0))?,
            row(
                "loading 1M entries, RSS gained at peak",
                "MiB",
                &self.peak,
                "the CRL as a file",
                &self.file,
                None,
            )?,
        ])
    }
}

#[expect(clippy::cast_precision_loss, reason = "no machine has 2^53 octets")]
fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn describe(options: &Options) -> String {
    if !options.counts {
        return machine::describe();
    }
    let valgrind = callgrind::version();
    format!(
        "{}; {}; {} handshakes a case and round.\nInstructions of the server's side by callgrind, which shows \
         programs a processor without AVX-512, ADX and SHA: cryptography takes more of them than on the processor \
         itself.",
        machine::describe(),
        valgrind.as_deref().unwrap_or("valgrind of unknown version"),
        options.handshakes,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_but_the_floor_is_a_row_and_the_bounds_are_the_agreed_ones() {
        let mut counts: Vec<_> =
            cases().into_iter().map(|case| Count { case, instructions: Series::default() }).collect();
        for round in Run::begin().rounds(2) {
            for count in &mut counts {
                round.record(&mut count.instructions, 1.0);
            }
        }
        let rows = compare(&counts).unwrap();
        assert_eq!(rows.len(), counts.len() - 1);
        let with_target = |target| rows.iter().filter(|row| row.target == Some(target)).count();
        assert_eq!((with_target(1.02), with_target(1.03)), (1, CRLS.len()));
    }
}
