//! Driving cargo for the BPF target, and the object's place in the repository.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use super::toolchain::Toolchain;
use crate::process::{self, Error, Result};
use crate::workspace;

const TARGET: &str = "bpfel-unknown-none";
const BINARY: &str = "fleetgate-xdp";

/// The flags that make the object. Part of the record: another set makes another object.
pub(super) const FLAGS: &str = "--cfg=bpf_target_arch=\"x86_64\" -Cdebuginfo=2 -Clink-arg=--btf";

/// The committed object.
pub(super) fn object_path() -> PathBuf {
    workspace::root().join("gateway-ebpf/object").join(format!("{BINARY}.o"))
}

/// Builds the object and returns its bytes, without DWARF.
pub(super) fn build(toolchain: &Toolchain) -> Result<Vec<u8>> {
    let mut cargo = toolchain.cargo();
    cargo.args(["build", "--quiet"]);
    process::run(configure(&mut cargo, toolchain))?;
    let linked = workspace::target("bpf").join(TARGET).join("release").join(BINARY);
    let stripped = linked.with_extension("o");
    let mut objcopy = Command::new(toolchain.objcopy());
    process::run(objcopy.arg("--strip-debug").arg(&linked).arg(&stripped))?;
    std::fs::read(&stripped).map_err(Error::file(stripped))
}

/// Lints the crate for its own target.
pub(super) fn clippy(toolchain: &Toolchain) -> Result {
    let mut cargo = toolchain.cargo();
    cargo.env("PATH", with_first("/usr/bin")).args(["clippy", "--quiet"]);
    let cargo = configure(&mut cargo, toolchain);
    process::run(cargo.args(["--", "-D", "warnings"]))
}

/// Puts the object into the repository.
pub(super) fn commit(object: &[u8]) -> Result {
    let path = object_path();
    std::fs::write(&path, object).map_err(Error::file(path))
}

/// The object in the repository.
pub(super) fn committed() -> Result<Vec<u8>> {
    let path = object_path();
    std::fs::read(&path).map_err(Error::file(path))
}

fn configure<'a>(cargo: &'a mut Command, toolchain: &Toolchain) -> &'a mut Command {
    cargo
        .args(["--locked", "--release", "-Z", "build-std=core", "--target", TARGET])
        .args(["--package", "fleetgate-ebpf", "--bin", BINARY, "--target-dir"])
        .arg(workspace::target("bpf"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain))
}

/// Flags are separated by the unit separator. Paths are remapped: the same sources give the same object in every folder.
fn flags(toolchain: &Toolchain) -> OsString {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
        .unwrap_or_default();
    let mut flags: Vec<OsString> = FLAGS.split(' ').map(OsString::from).collect();
    let mut pair = |name: &str, path: &std::path::Path, to: &str| {
        let mut flag = OsString::from(name);
        flag.push(path);
        flag.push(to);
        flags.push(flag);
    };
    pair("-Clinker=", toolchain.linker_path(), "");
    pair("--remap-path-prefix=", workspace::root(), "=/fleetgate");
    pair("--remap-path-prefix=", &home.join("registry"), "=/registry");
    flags.join(&OsString::from("\u{1f}"))
}

fn with_first(folder: &str) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from(folder)).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}
