//! `fleetgate-bench scale`

use std::path::PathBuf;

use super::suite::{BenchError, Outputs, gateway, watched};
use crate::cli::print;
use crate::suite::fleet;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    outputs: Outputs,
    /// A few devices and a little time: to see that it works.
    #[arg(long)]
    quick: bool,
    /// The gateway's binary; without it `FLEETGATE_BIN` of the environment, or the one beside this binary.
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<(), BenchError> {
    let gateway = gateway(options.gateway.as_deref())?;
    let scale = watched(async |tell| fleet::scale(&gateway, options.quick, tell).await)?;
    print::line(&scale.to_string());
    options.outputs.write(&scale.json(), || scale.markdown())
}
