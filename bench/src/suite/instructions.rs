//! Suite `instructions`: what a handshake, a request and a decision take, counted and not timed, beside what they took when the
//! baseline was written.
//!
//! Counts hardly differ from run to run. They do from compiler to compiler, and from processor to processor: valgrind shows
//! programs some of the features of the one that it runs on. So the bound is loose.

mod baseline;
mod request;

use std::path::PathBuf;

pub use baseline::{Baseline, BaselineError};

use super::crl::program::{Case, Program};
use super::stage::{Stage, StageError};
use super::{Event, MeasureError, Options as StageOptions, ProgramError, Sizes, SuiteError};
use crate::measure::{Comparison, Report, Run, Series};
use crate::pki::KeyKind;
use crate::server::Kind;

/// What a count may be of the baseline's. Another compiler, or another processor, is a few hundredths; what somebody added
/// without thinking of it is more.
const BOUND: f64 = 1.10;
/// Handshakes and decisions that are counted.
const HANDSHAKES: usize = 32;
const DECISIONS: usize = 200;

/// What the suite is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// `gateway/examples/measure`, built.
    pub program: PathBuf,
    /// The gateway's binary.
    pub gateway: PathBuf,
    /// What it is put beside.
    pub baseline: PathBuf,
    /// Whether the baseline is written anew.
    pub update: bool,
}

/// Why it came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum InstructionsError {
    /// A program failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The gateway could not be measured.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// There is nothing to compare with.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// Files.
    #[error("cannot set up: {0}")]
    Io(#[from] std::io::Error),
}

impl From<StageError> for InstructionsError {
    fn from(error: StageError) -> Self {
        Self::Suite(error.into())
    }
}

/// Counts, and compares.
///
/// # Errors
/// When anything could not be counted, or there is no baseline and none is to be written.
pub async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, InstructionsError> {
    let counted = count(options, tell).await?;
    if options.update {
        counted.write(&options.baseline)?;
    }
    let baseline = Baseline::read(&options.baseline)?;
    let host = format!("{}; baseline: {}", counted.host, baseline.host);
    let mut rows = Vec::new();
    for ((name, now), (_, then)) in counted.figures().into_iter().zip(baseline.figures()) {
        let (mut ours, mut theirs) = (Series::default(), Series::default());
        for round in Run::begin().rounds(1) {
            round.record(&mut ours, now);
            round.record(&mut theirs, then);
        }
        let (name, unit, reference) = (name.to_owned(), "instructions", "the baseline");
        let row = Comparison { name, unit, ours: &ours, reference, theirs: &theirs, target: Some(BOUND) };
        rows.push(row.row().map_err(|error| SuiteError::from(MeasureError::from(error)))?);
    }
    Ok(Report { suite: "instructions", host, rows })
}

async fn count(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Baseline, InstructionsError> {
    let folder = tempfile::Builder::new().prefix("fleetgate-bench-").tempdir()?;
    let program = Program::new(&options.program, folder.path());
    tell(Event::Stage("counting a handshake and a decision"));
    program.prepare(&[]).await?;
    let handshake = program.instructions(Case::Gateway(None), HANDSHAKES).await?;
    let decide = program.decision(DECISIONS).await?;
    tell(Event::Stage("counting a request"));
    let sizes = Sizes { identities: 1, ..Sizes::QUICK };
    let stage_options = StageOptions { gateway: options.gateway.clone(), peers: Vec::new(), sizes };
    let stage = Stage::empty(&[Kind::Fleetgate], &[KeyKind::P256], &stage_options, tell).await?;
    let request = request::instructions(&stage).await?;
    let valgrind = super::callgrind::version().unwrap_or_default();
    Ok(Baseline { host: format!("{}; {valgrind}", stage.description), handshake, request, decide })
}
