//! `fleetgate-bench SUITE`

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::progress::Progress;
use crate::cli::print;
use crate::cli::runtime::{self, Signals};
use crate::measure::{Report, plot};
use crate::server::{self, Peer};
use crate::suite::cache::CacheError;
use crate::suite::crl::CrlError;
use crate::suite::fleet::FleetError;
use crate::suite::fleet::scenario::ScenarioError;
use crate::suite::instructions::InstructionsError;
use crate::suite::survival::SurvivalError;
use crate::suite::xdp::XdpError;
use crate::suite::{self, Event, Sizes, Suite, SuiteError};

/// Where every suite writes its result, beside printing it.
#[derive(Debug, clap::Args)]
pub(super) struct Outputs {
    /// Write the result as JSON as well.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write the result as Markdown as well.
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
}

/// What every suite that starts the gateway is told.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) outputs: Outputs,
    /// Draw the result as SVG as well.
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,
    /// How often everything takes its turn.
    #[arg(long, value_name = "N")]
    pub(super) rounds: Option<NonZeroUsize>,
    /// Less of everything: to see that it works, and roughly how things stand.
    #[arg(long)]
    pub(super) quick: bool,
    /// The gateway's binary; without it `FLEETGATE_BIN` of the environment, or the one beside this binary.
    #[arg(long, value_name = "FILE")]
    pub(super) gateway: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    /// Beside whom; without it, all of nginx, haproxy and caddy that are installed. pingora is a program that `cargo xtask bench` builds.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_enum)]
    peers: Option<Vec<Peer>>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum BenchError {
    #[error("{}: no such file; build it with `cargo build --release -p fleetgate`, or name it with --gateway", .0.display())]
    NoGateway(PathBuf),
    #[error("{}: no such file; build it with `cargo build --release -p fleetgate --example measure`, or name it with --program", .0.display())]
    NoProgram(PathBuf),
    #[error(transparent)]
    Suite(#[from] SuiteError),
    #[error(transparent)]
    Crl(#[from] CrlError),
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The suite `xdp`.
    #[error(transparent)]
    Xdp(#[from] XdpError),
    /// A scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The suite `fleet`.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The suite `instructions`.
    #[error(transparent)]
    Instructions(#[from] InstructionsError),
    #[error("{}; where that is right, `cargo xtask bench instructions --update` writes the baseline anew", .0.join("; "))]
    MoreInstructions(Vec<String>),
    #[error("not as the scenario expects: {}", .0.join("; "))]
    Unmet(Vec<String>),
    /// The suite `survival`.
    #[error(transparent)]
    Survival(#[from] SurvivalError),
    #[error("{}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("cannot run: {0}")]
    Start(#[from] io::Error),
    #[error("stopped before it was done")]
    Stopped,
}

pub(super) fn run(suite: Suite, options: &Options) -> Result<(), BenchError> {
    if cfg!(debug_assertions) {
        print::note("this is a debug build; the floor's figures say nothing");
    }
    let Options { common, peers: wanted } = options;
    let told = suite::Options {
        gateway: gateway(common.gateway.as_deref())?,
        peers: peers(wanted.as_deref()),
        sizes: Sizes::choose(common.quick, common.rounds),
    };
    let report = report(&common.outputs, async |tell| suite::run(suite, &told, tell).await)?;
    common.plot.as_deref().map_or(Ok(()), |path| write(path, plot(&report)))
}

/// Measures until it is done or somebody has enough, and prints what came of it.
pub(super) fn report<E>(
    outputs: &Outputs,
    measure: impl AsyncFnOnce(&dyn Fn(Event<'_>)) -> Result<Report, E>,
) -> Result<Report, BenchError>
where
    BenchError: From<E>,
{
    let report = watched(measure)?;
    print::line(&report.to_string());
    outputs.write(&report, || report.markdown())?;
    Ok(report)
}

/// Measures until it is done or somebody has enough.
pub(super) fn watched<T, E>(
    measure: impl AsyncFnOnce(&dyn Fn(Event<'_>)) -> Result<T, E>,
) -> Result<T, BenchError>
where
    BenchError: From<E>,
{
    let progress = Progress::default();
    let result = runtime::block_on(async {
        let mut signals = Signals::catch()?;
        let tell = |event: Event<'_>| progress.tell(event);
        tokio::select! {
            result = measure(&tell) => Ok(result?),
            () = signals.stopped() => Err(BenchError::Stopped),
        }
    })?;
    progress.finish();
    result
}

impl Outputs {
    /// Writes a result to where it is wanted.
    pub(super) fn write(
        &self,
        result: &impl Serialize,
        markdown: impl FnOnce() -> String,
    ) -> Result<(), BenchError> {
        if let Some(path) = &self.json {
            let json = serde_json::to_string_pretty(result).map_err(io::Error::from);
            let json = json.map_err(|error| BenchError::Write { path: path.clone(), error })?;
            write(path, json + "\n")?;
        }
        self.markdown.as_ref().map_or(Ok(()), |path| write(path, markdown()))
    }
}

pub(super) fn write(path: &Path, text: String) -> Result<(), BenchError> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = folder.and_then(|()| std::fs::write(path, text));
    written.map_err(|error| BenchError::Write { path: path.to_owned(), error })
}

pub(super) fn gateway(given: Option<&Path>) -> Result<PathBuf, BenchError> {
    let path = match (given, std::env::var_os("FLEETGATE_BIN")) {
        (Some(path), _) => path.to_owned(),
        (None, Some(path)) => path.into(),
        (None, None) => std::env::current_exe()?.with_file_name("fleetgate"),
    };
    if path.is_file() { Ok(path) } else { Err(BenchError::NoGateway(path)) }
}

/// Those of the wanted peers that are installed; the others are named.
fn peers(wanted: Option<&[Peer]>) -> Vec<Peer> {
    let mut wanted = wanted.unwrap_or(&Peer::USUAL).to_vec();
    // Twice the same would compare a server with itself.
    let mut seen = Vec::new();
    wanted.retain(|peer| {
        !seen.contains(peer) && {
            seen.push(*peer);
            true
        }
    });
    let (here, missing): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|peer| server::find(peer.name()).is_some());
    if !missing.is_empty() {
        let missing: Vec<_> = missing.into_iter().map(Peer::name).collect();
        print::note(&format!("not installed, so not beside them: {}", missing.join(", ")));
    }
    here
}
