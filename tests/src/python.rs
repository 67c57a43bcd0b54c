//! Scripts of `tests/python`, which hold the gateway against implementations that share nothing with it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::skip;

/// An interpreter with the packages of `tests/python/requirements.txt`. Where there is none, the test is listed as
/// skipped, and should return.
pub fn interpreter() -> Option<PathBuf> {
    let found = std::env::var_os("FLEETGATE_PYTHON").map_or_else(built, PathBuf::from);
    if found.exists() {
        return Some(found);
    }
    skip::record("needs the Python packages that `cargo xtask test` installs");
    None
}

/// A script, ready to run with `python`.
pub fn script(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name));
    command
}

/// What a script wrote to standard output.
///
/// # Panics
/// When it failed.
#[track_caller]
pub fn output(command: &mut Command) -> String {
    output_of(command, b"")
}

/// What a script wrote to standard output that got this on its standard input.
///
/// # Panics
/// When it failed.
#[track_caller]
pub fn output_of(command: &mut Command, input: &[u8]) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start Python");
    // It may end without reading everything. Dropping this is the end of the input.
    let _ = child.stdin.take().expect("its input").write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().expect("its output");
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

/// Where `cargo xtask test` puts it: beside the folder of the test that runs.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test");
    let target = test.ancestors().find(|folder| folder.join("python").is_dir());
    target.unwrap_or(Path::new("/")).join("python/bin/python")
}
