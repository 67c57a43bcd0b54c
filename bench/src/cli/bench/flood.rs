//! `fleetgate-bench flood`

use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::runtime;
use crate::flood::{self, FloodError, Kind, Plan};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Options {
    /// What it is made of.
    #[arg(long, value_enum)]
    kind: Kind,
    /// Whom it is for.
    #[arg(long, value_name = "ADDR")]
    target: SocketAddrV4,
    /// The host, where it names one.
    #[arg(long, value_name = "NAME")]
    host: String,
    /// A folder that `fleetsim pki` wrote.
    #[arg(long, value_name = "DIR")]
    pki: PathBuf,
    /// Packets or connections a second, at most.
    #[arg(long, value_name = "N")]
    rate: u32,
    /// For how long.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Flood(#[from] FloodError),
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

pub(super) fn run(options: &Options) -> Result<(), RunError> {
    let Options { kind, target, host, pki, rate, time } = options.clone();
    let plan = Plan { kind, target, pki, host, rate, time };
    Ok(runtime::block_on(async { flood::run(&plan).await })??)
}
