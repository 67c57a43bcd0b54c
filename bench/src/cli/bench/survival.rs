//! `fleetgate-bench survival`

use nix::unistd::geteuid;

use super::suite::{BenchError, Common, gateway, report, write};
use crate::cli::print;
use crate::server;
use crate::suite::survival::{self, Attack, TOOLS};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    /// Which floods; without it, all of them.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_enum)]
    attacks: Option<Vec<Attack>>,
}

pub(super) fn run(options: &Options) -> Result<(), BenchError> {
    if let Some(wanting) = wanting() {
        print::note(&wanting);
        return Ok(());
    }
    let Options { common, attacks } = options;
    let gateway = gateway(common.gateway.as_deref())?;
    let told = survival::Options::choose(gateway, attacks.clone(), common.quick, common.rounds);
    let mut plot = None;
    report(&common.outputs, async |tell| {
        let results = survival::run(&told, tell).await?;
        plot = Some(results.plot);
        Ok::<_, survival::SurvivalError>(results.report)
    })?;
    match (&common.plot, plot) {
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
