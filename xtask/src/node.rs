//! The packages for Node.js that tests need, in a folder of their own: nothing is installed into the system.

use std::path::{Path, PathBuf};

use crate::packages::{self, Tool};
use crate::process::{self, Error, Result};
use crate::{ui, workspace};

/// Debian's Node.js, and what installs packages for it.
const DEBIAN: [Tool; 2] = [Tool::new("node", "nodejs"), Tool::new("npm", "npm")];

/// The packages of `tests/node/package.json`. Without them the tests that need them are skipped.
pub(crate) fn ensure() -> Option<PathBuf> {
    let folder = workspace::target("node");
    let (modules, installed) = (folder.join("node_modules"), folder.join("package.json"));
    let wanted = workspace::root().join("tests/node/package.json");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    if modules.is_dir() && read(&installed) == read(&wanted) {
        return Some(modules);
    }
    let missing = packages::ensure(&DEBIAN, "testing against packages for Node.js");
    if !missing.is_empty() {
        return None;
    }
    ui::stage("Node.js packages for tests");
    match install(&folder, &wanted, &installed) {
        Ok(()) => Some(modules),
        Err(error) => {
            ui::note(&format!("{error}; tests against packages for Node.js are skipped"));
            None
        }
    }
}

fn install(folder: &Path, wanted: &Path, installed: &Path) -> Result {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(Error::file(folder))?;
    }
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    std::fs::copy(wanted, installed).map_err(Error::file(installed))?;
    let npm = ["npm", "install", "--silent", "--no-audit", "--no-fund"];
    let result = process::run(process::command(npm).current_dir(folder));
    if result.is_err() {
        // What is half there must not pass for installed.
        let _ = std::fs::remove_file(installed);
    }
    result
}
