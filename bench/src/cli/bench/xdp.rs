//! `fleetgate-bench xdp`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::suite::{BenchError, Outputs, report};
use crate::suite::xdp;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    outputs: Outputs,
    /// How often all take their turn.
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,
    /// Less of everything: to see that it works, and roughly how things stand.
    #[arg(long)]
    quick: bool,
    /// What measures: the example `xdp` of the tests. It needs root.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
}

pub(super) fn run(options: &Options) -> Result<(), BenchError> {
    let told = xdp::Options::choose(options.program.clone(), options.quick, options.rounds);
    report(&options.outputs, async |tell| xdp::run(&told, tell).await).map(drop)
}
