//! Scripts for Node.js, with the packages of `tests/node/package.json`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip;

/// A script, ready to run. Where there is no Node.js with the packages, the test is listed as skipped, and should return.
pub fn script(path: &Path) -> Option<Command> {
    let packages = packages();
    if !skip::unless_installed("node") {
        return None;
    }
    if !packages.is_dir() {
        skip::record("needs Node.js and the packages that `cargo xtask test` installs");
        return None;
    }
    let mut command = Command::new("node");
    command.arg(path).env("FLEETGATE_NODE_MODULES", packages);
    Some(command)
}

/// Where `cargo xtask test` puts them: beside the folder of the test that runs.
fn packages() -> PathBuf {
    let given = std::env::var_os("FLEETGATE_NODE_MODULES").map(PathBuf::from);
    given.unwrap_or_else(|| {
        let test = std::env::current_exe().expect("the path of the test");
        let target = test.ancestors().find(|folder| folder.join("node").is_dir());
        target.unwrap_or(Path::new("/")).join("node/node_modules")
    })
}
