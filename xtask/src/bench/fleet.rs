//! `cargo xtask bench fleet`: a scenario of `bench/scenarios`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{Suite, measure, prepare};
use crate::process::{Error, Result};
use crate::workspace;

/// Options of `fleet` alone.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(super) struct Options {
    /// With `fleet`: which scenario.
    #[arg(long, value_name = "NAME")]
    pub(super) scenario: Option<String>,
    /// With `fleet`: how many devices, instead of those of the scenario.
    #[arg(long, value_name = "N")]
    pub(super) devices: Option<NonZeroUsize>,
    /// With `fleet`: fleets of several sizes instead of a scenario, and what one more device takes.
    #[arg(long, conflicts_with_all = ["scenario", "devices"])]
    pub(super) scale: bool,
}

/// Plays it.
pub(super) fn run(options: &super::Options) -> Result {
    if options.fleet.scale {
        let words = ["fleet".to_owned(), "--scale".to_owned()];
        return measure(prepare(Suite::Fleet, "scale", options)?, options, "scale", &words);
    }
    let Some(name) = &options.fleet.scenario else {
        return Err(Error::message(format!("say which with --scenario: {}", shipped()?.join(", "))));
    };
    let path = folder().join(format!("{name}.toml"));
    if !path.is_file() {
        return Err(Error::message(format!(
            "there is no scenario `{name}`; there are: {}",
            shipped()?.join(", ")
        )));
    }
    let mut bench = prepare(Suite::Fleet, "fleet", options)?;
    let page = workspace::root().join(format!("bench/results/fleet-{name}.html"));
    bench.arg("--scenario").arg(path).arg("--page").arg(page);
    let mut words = vec!["fleet".to_owned(), format!("--scenario {name}")];
    if let Some(devices) = options.fleet.devices {
        bench.arg("--devices").arg(devices.to_string());
        words.push(format!("--devices {devices}"));
    }
    measure(bench, options, &format!("fleet-{name}"), &words)
}

/// Scenarios that there are.
pub(super) fn shipped() -> Result<Vec<String>> {
    let failed = |error: std::io::Error| Error::message(format!("{}: {error}", folder().display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder()).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn folder() -> PathBuf {
    workspace::root().join("bench/scenarios")
}
