//! `fleetgate-bench crl`

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::progress::Progress;
use super::suite::{BenchError, write};
use crate::cli::print;
use crate::cli::runtime::{self, Signals};
use crate::server;
use crate::suite::Event;
use crate::suite::crl::{self, CrlError};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Write the result as JSON as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often all cases take their turn.
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,
    /// Less of everything: to see that it works, and roughly how things stand.
    #[arg(long)]
    quick: bool,
    /// What is measured: the gateway's example `measure`; without it, the one of the build that this binary is of.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error("{}: no such file; build it with `cargo build --release -p fleetgate --example measure`, or name it with --program", .0.display())]
    NoProgram(PathBuf),
    #[error(transparent)]
    Crl(#[from] CrlError),
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error("cannot run: {0}")]
    Start(#[from] io::Error),
    #[error("stopped before it was done")]
    Stopped,
}

pub(super) fn run(options: &Options) -> Result<(), RunError> {
    if server::find(crl::VALGRIND).is_none() {
        print::note("skipped: valgrind is not installed, and nothing else counts instructions here");
        return Ok(());
    }
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("examples/measure"),
    };
    if !program.is_file() {
        return Err(RunError::NoProgram(program));
    }
    let progress = Progress::default();
    let told = crl::Options::choose(program, options.quick, options.rounds);
    let report = runtime::block_on(async {
        let mut signals = Signals::catch()?;
        let tell = |event: Event<'_>| progress.tell(event);
        tokio::select! {
            report = crl::run(&told, &tell) => Ok(report?),
            () = signals.stopped() => Err(RunError::Stopped),
        }
    })??;
    progress.finish();
    print::line(&report.to_string());
    Ok(options.json.as_deref().map_or(Ok(()), |path| write(path, &report))?)
}
