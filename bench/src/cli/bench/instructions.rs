//! `fleetgate-bench instructions`

use std::path::PathBuf;

use super::suite::{BenchError, Outputs, gateway, report};
use crate::cli::print;
use crate::server;
use crate::suite::{VALGRIND, instructions};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    outputs: Outputs,
    /// What counts: the gateway's example `measure`; without it, the one of the build that this binary is of.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The gateway's binary; without it `FLEETGATE_BIN` of the environment, or the one beside this binary.
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
    /// What the counts are put beside.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// Write the baseline anew.
    #[arg(long)]
    update: bool,
}

pub(super) fn run(options: &Options) -> Result<(), BenchError> {
    if server::find(VALGRIND).is_none() {
        print::note("instructions is skipped: valgrind is not installed, and nothing else counts them here");
        return Ok(());
    }
    let told = instructions::Options {
        program: super::crl::program(options.program.as_deref())?,
        gateway: gateway(options.gateway.as_deref())?,
        baseline: options.baseline.clone(),
        update: options.update,
    };
    let report = report(&options.outputs, async |tell| instructions::run(&told, tell).await)?;
    let more = report.rows.into_iter().filter(|row| row.met == Some(false));
    let more: Vec<_> = more
        .map(|row| format!("a {} takes {:.2} of the baseline's instructions", row.name, row.ratio))
        .collect();
    if more.is_empty() { Ok(()) } else { Err(BenchError::MoreInstructions(more)) }
}
