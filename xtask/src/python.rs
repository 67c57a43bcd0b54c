//! The Python packages that tests need, in an environment of their own: nothing is installed into the system.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::packages::{self, Tool};
use crate::process::{self, Error, Result};
use crate::{ui, workspace};

/// Debian's Python, and the module that makes environments.
const DEBIAN: [Tool; 2] =
    [Tool::new("/usr/bin/python3", "python3"), Tool::new("/usr/share/python-wheels", "python3-venv")];

/// An interpreter with every package of `tests/python/requirements.txt`. Without one the tests that need it are skipped.
pub(crate) fn ensure() -> Option<PathBuf> {
    let folder = workspace::target("python");
    let (interpreter, installed) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let wanted = workspace::root().join("tests/python/requirements.txt");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    if interpreter.exists() && read(&installed) == read(&wanted) {
        return Some(interpreter);
    }
    ui::stage("Python packages for tests");
    let result = create(&folder)
        .and_then(|()| {
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
            process::run(Command::new(&interpreter).args(pip).arg(&wanted))
        })
        .and_then(|()| std::fs::copy(&wanted, &installed).map_err(|error| Error::message(error.to_string())));
    match result {
        Ok(_) => Some(interpreter),
        Err(error) => {
            ui::note(&format!("{error}; tests against Python packages are skipped"));
            None
        }
    }
}

fn create(folder: &Path) -> Result {
    let create = |python: &str| {
        let mut command = process::command([python, "-m", "venv", "--clear"]);
        process::run(command.arg(folder))
    };
    create("python3").or_else(|_| {
        packages::ensure(&DEBIAN, "testing against Python packages");
        create("/usr/bin/python3")
    })
}
