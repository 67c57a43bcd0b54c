//! `fleetgate-bench fleet`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use nix::unistd::geteuid;

use super::suite::{BenchError, Outputs, gateway, watched, write};
use crate::cli::print;
use crate::server;
use crate::suite::fleet::scenario::{Network, Scenario};
use crate::suite::fleet::{self, TOOLS};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    outputs: Outputs,
    /// What is played: a file like those in bench/scenarios.
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,
    /// How many devices, instead of those of the scenario.
    #[arg(long, value_name = "N")]
    devices: Option<NonZeroUsize>,
    /// Fewer devices and less time: to see that it works.
    #[arg(long)]
    quick: bool,
    /// Write the result as a page as well.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// The gateway's binary; without it `FLEETGATE_BIN` of the environment, or the one beside this binary.
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<(), BenchError> {
    let mut scenario = Scenario::read(&options.scenario)?;
    if options.quick {
        scenario = scenario.quick();
    }
    scenario.devices = options.devices.unwrap_or(scenario.devices);
    if let Some(wanting) = wanting(&scenario) {
        print::note(&wanting);
        return Ok(());
    }
    let name = options.scenario.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let told = fleet::Options {
        gateway: gateway(options.gateway.as_deref())?,
        name,
        scenario,
        quick: options.quick,
    };
    let results = watched(async |tell| fleet::run(&told, tell).await)?;
    print::line(&results.to_string());
    options.outputs.write(&results.json(), || results.markdown())?;
    if let Some(path) = &options.page {
        write(path, results.page())?;
        print::note(&format!("the page is {}", path.display()));
    }
    let unmet: Vec<_> = results.unmet().into_iter().map(|check| check.what.clone()).collect();
    if unmet.is_empty() { Ok(()) } else { Err(BenchError::Unmet(unmet)) }
}

/// What it takes and is not here, in a line.
fn wanting(scenario: &Scenario) -> Option<String> {
    if scenario.network == Network::Loopback {
        return None;
    }
    if !geteuid().is_root() {
        return Some("fleet is skipped: network namespaces and XDP need root; run it with sudo".to_owned());
    }
    let missing: Vec<_> = TOOLS
        .iter()
        .filter(|(program, _)| server::find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    let install =
        || format!("fleet is skipped; install what it needs: apt-get install {}", missing.join(" "));
    (!missing.is_empty()).then(install)
}
