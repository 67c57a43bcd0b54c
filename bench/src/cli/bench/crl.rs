//! `fleetgate-bench crl`

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::suite::{BenchError, Outputs, gateway, report};
use crate::cli::print;
use crate::server;
use crate::suite::{VALGRIND, crl};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    outputs: Outputs,
    /// How often all cases take their turn.
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,
    /// Less of everything: to see that it works, and roughly how things stand.
    #[arg(long)]
    quick: bool,
    /// What is measured: the gateway's example `measure`; without it, the one of the build that this binary is of.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The gateway's binary; without it `FLEETGATE_BIN` of the environment, or the one beside this binary.
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<(), BenchError> {
    let counts = server::find(VALGRIND).is_some();
    if !counts {
        print::note("instructions are skipped: valgrind is not installed, and nothing else counts them here");
    }
    let told = crl::Options::choose(
        program(options.program.as_deref())?,
        gateway(options.gateway.as_deref())?,
        counts,
        options.quick,
        options.rounds,
    );
    report(&options.outputs, async |tell| crl::run(&told, tell).await).map(drop)
}

/// The gateway's example `measure`.
pub(super) fn program(given: Option<&Path>) -> Result<PathBuf, BenchError> {
    let program = match given {
        Some(program) => program.to_owned(),
        None => std::env::current_exe()?.with_file_name("examples/measure"),
    };
    if program.is_file() { Ok(program) } else { Err(BenchError::NoProgram(program)) }
}
