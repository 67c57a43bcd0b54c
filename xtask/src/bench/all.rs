//! `cargo xtask bench all`: every suite and every scenario, one after the other.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Options, Suite, fleet, word};
use crate::process::{Error, Result};
use crate::{ui, workspace};

/// Measures all of it, and goes on after what failed. Each result is in `bench/results`; with `--json` all of them are in one
/// file as well.
pub(super) fn run(options: &Options) -> Result {
    let suites = Suite::EACH.into_iter().map(|suite| {
        let name = word(&suite);
        let options = Options { suite, json: Some(result(&name)), ..options.clone() };
        (name, options)
    });
    let scenarios = fleet::shipped()?.into_iter().map(|scenario| {
        let name = format!("fleet-{scenario}");
        let fleet = fleet::Options { scenario: Some(scenario), ..options.fleet.clone() };
        let options = Options { suite: Suite::Fleet, json: Some(result(&name)), fleet, ..options.clone() };
        (name, options)
    });
    let scale = fleet::Options { scale: true, ..options.fleet.clone() };
    let scale = Options { suite: Suite::Fleet, json: Some(result("scale")), fleet: scale, ..options.clone() };
    let scale = [("scale".to_owned(), scale)];
    let (mut failed, mut results) = (Vec::new(), Vec::new());
    for (name, options) in suites.chain(scenarios).chain(scale) {
        // What is there from another time is not what was measured now.
        let _ = std::fs::remove_file(result(&name));
        if let Err(error) = super::run(&options) {
            ui::error(&format!("{name}: {error}"));
            failed.push(name.clone());
        }
        results.extend(read(&result(&name)));
    }
    if let Some(path) = &options.json {
        std::fs::write(path, json!({ "results": results }).to_string())
            .map_err(|error| Error::message(format!("{}: {error}", path.display())))?;
    }
    ui::line(&format!("results are in {}", workspace::root().join("bench/results").display()));
    if failed.is_empty() { Ok(()) } else { Err(Error::message(format!("failed: {}", failed.join(", ")))) }
}

fn result(name: &str) -> PathBuf {
    workspace::root().join(format!("bench/results/{name}.json"))
}

/// What a suite wrote, if it did: one that was skipped did not.
fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
