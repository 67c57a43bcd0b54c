//! Pingora, a peer that no package brings: `bench/pingora`, a workspace of its own.

use std::path::PathBuf;
use std::process::Command;

use crate::packages::{self, Tool};
use crate::process;
use crate::{ui, workspace};

/// What `BoringSSL` is built with.
const TOOLS: [Tool; 3] = [
    Tool::new("cmake", "cmake"),
    Tool::new("g++", "g++"),
    Tool::new("/var/lib/dpkg/info/libclang-dev.list", "libclang-dev"),
];

/// Builds it, and says in which folder its program is. None, with a line that says so, where it does not build: one from before is not
/// measured in its place.
pub(super) fn build() -> Option<PathBuf> {
    packages::ensure(&TOOLS, "building Pingora");
    ui::stage("building Pingora with BoringSSL (about six minutes the first time)");
    let target = workspace::target("pingora");
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--locked", "--manifest-path"]);
    build.arg(workspace::root().join("bench/pingora/Cargo.toml")).arg("--target-dir").arg(&target);
    match process::run(&mut build) {
        Ok(()) => Some(target.join("release")),
        Err(error) => {
            ui::note(&format!("pingora: skipped, it does not build: {error}"));
            None
        }
    }
}
