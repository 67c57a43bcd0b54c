//! `fleetgate-bench crl`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::suite::{BenchError, report};
use crate::cli::print;
use crate::server;
use crate::suite::crl;

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

pub(super) fn run(options: &Options) -> Result<(), BenchError> {
    if server::find(crl::VALGRIND).is_none() {
        print::note("skipped: valgrind is not installed, and nothing else counts instructions here");
        return Ok(());
    }
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("examples/measure"),
    };
    if !program.is_file() {
        return Err(BenchError::NoProgram(program));
    }
    let told = crl::Options::choose(program, options.quick, options.rounds);
    report(options.json.as_deref(), async |tell| crl::run(&told, tell).await)
}
