//! Python programs with libraries that pip installs, as independent judges.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fs, io};

use tempfile::TempDir;

use crate::skip;

/// Python with a library, or nothing, when the calling test is listed as skipped and should return. The library is
/// installed once, below the target folder, as `folder`.
pub fn with(folder: &str, library: &str) -> Option<Python> {
    if !skip::unless_installed("python3") {
        return None;
    }
    let libraries = target().join("python").join(folder);
    if !libraries.is_dir() && install(library, &libraries).is_err() {
        skip::record(&format!("cannot install {library} with pip"));
        return None;
    }
    Some(Python { libraries })
}

/// Python that finds a library.
#[derive(Debug)]
pub struct Python {
    libraries: PathBuf,
}

impl Python {
    /// Runs a program with arguments.
    pub fn run<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        let mut python = Command::new("python3");
        python.args(["-c", program]).args(arguments).env("PYTHONPATH", &self.libraries).stdin(Stdio::null());
        python.output().expect("run python3")
    }
}

fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    // target/PROFILE/deps/behaviour-…
    test.ancestors().nth(3).expect("a target folder").to_owned()
}

/// Another test may do the same at the same time: whoever is ready first counts.
fn install(library: &str, to: &Path) -> io::Result<()> {
    let parent = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    let folder = TempDir::new_in(parent)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    pip.arg(folder.path().join("libraries")).arg(library).stdout(Stdio::null()).stderr(Stdio::null());
    if !pip.status()?.success() {
        return Err(io::ErrorKind::NotFound.into());
    }
    match fs::rename(folder.path().join("libraries"), to) {
        Err(_) if to.is_dir() => Ok(()),
        result => result,
    }
}
