//! `fleetgate-bench survival`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use nix::unistd::geteuid;

use super::suite::{BenchError, gateway, report, write};
use crate::cli::print;
use crate::server;
use crate::suite::survival::{self, Attack, TOOLS};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Write the result as JSON as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the result as SVG as well.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// How often everything takes its turn.
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,
    /// Less of everything: to see that it works, and roughly how things stand.
    #[arg(long)]
    quick: bool,
    /// Which floods; without it, all of them.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_enum)]
    attacks: Option<Vec<Attack>>,
    /// The gateway's binary; without it `FLEETGATE_BIN` of the environment, or the one beside this binary.
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<(), BenchError> {
    if let Some(wanting) = wanting() {
        print::note(&wanting);
        return Ok(());
    }
    let told = survival::Options::choose(
        gateway(options.gateway.as_deref())?,
        options.attacks.clone(),
        options.quick,
        options.rounds,
    );
    let mut plot = None;
    report(options.json.as_deref(), async |tell| {
        let results = survival::run(&told, tell).await?;
        plot = Some(results.plot);
        Ok::<_, survival::SurvivalError>(results.report)
    })?;
    match (&options.plot, plot) {
        (Some(path), Some(plot)) => write(path, plot),
        _ => Ok(()),
    }
}

/// What it takes and is not here, in a line.
fn wanting() -> Option<String> {
    if !geteuid().is_root() {
        return Some(
            "survival is skipped: network namespaces and XDP need root; run it with sudo".to_owned(),
        );
    }
    let missing = TOOLS.iter().filter(|(program, _)| server::find(program).is_none());
    let missing: Vec<_> = missing.map(|(_, package)| *package).collect();
    let install =
        || format!("survival is skipped; install what it needs: apt-get install {}", missing.join(" "));
    (!missing.is_empty()).then(install)
}
