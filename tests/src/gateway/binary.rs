//! The binary under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

/// `fleetgate`: what `FLEETGATE_BIN` names, else the one of the test's own profile, built first where it is missing or
/// older than its sources.
pub fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os("FLEETGATE_BIN") {
        Some(path) => path.into(),
        None => build(),
    });
    &BINARY
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    // target/PROFILE/deps/behaviour-…
    let profile = test.ancestors().nth(2).expect("a target folder");
    let binary = profile.join("fleetgate");
    if is_stale(&binary) {
        let target = profile.parent().expect("a target folder");
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--quiet", "--package", "fleetgate", "--target-dir"])
            .arg(target)
            .current_dir(workspace());
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("run cargo").success(), "fleetgate does not build");
    }
    binary
}

fn is_stale(binary: &Path) -> bool {
    let Ok(built) = std::fs::metadata(binary).and_then(|metadata| metadata.modified()) else { return true };
    ["gateway/src", "gateway-ebpf/object"].iter().any(|folder| newest(&workspace().join(folder)) > built)
}

fn newest(folder: &Path) -> SystemTime {
    let entries =
        std::fs::read_dir(folder).expect("read a folder").map(|entry| entry.expect("a folder's entry"));
    let modified = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => newest(&entry.path()),
        _ => entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH),
    });
    modified.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a workspace")
}
