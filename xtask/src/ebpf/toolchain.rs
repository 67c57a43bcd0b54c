//! The BPF toolchain: a compiler with its own library sources, and a linker whose LLVM is at least the compiler's.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::packages::{self, Tool};
use crate::process::{self, Result};
use crate::{ui, workspace};

const LINKER: &str = "0.13.0";

/// What builds the object.
pub(crate) struct Toolchain {
    rustc: PathBuf,
    /// `rustc 1.96.0 (…)`.
    pub(crate) compiler: String,
    /// `bpf-linker 0.13.0, LLVM 22`.
    pub(crate) linker: String,
    linker_path: PathBuf,
    llvm: String,
}

/// Where Debian keeps its compiler.
const DEBIAN: &str = "/usr/bin/rustc";

const PACKAGES: [Tool; 4] = [
    Tool::new(DEBIAN, "rustc-web"),
    Tool::new("/usr/lib/rustlib/src/rust/library/core/src/lib.rs", "rust-web-src"),
    Tool::new("/usr/lib/llvm-22/bin/llvm-config", "llvm-22-dev"),
    Tool::new("/usr/bin/clippy-driver", "rust-web-clippy"),
];

impl Toolchain {
    /// The first complete one: a nightly with `rust-src`, else Debian's packages. Installs what is missing where it can.
    pub(crate) fn find_or_install() -> Result<Option<Self>> {
        if let Some(nightly) = nightly()? {
            return Ok(Some(nightly));
        }
        packages::ensure(&PACKAGES, "rebuilding the XDP object");
        if !PACKAGES.iter().take(3).all(Tool::is_here) {
            return Ok(None);
        }
        let (compiler, llvm) = version(Path::new(DEBIAN))?;
        let linker_path = workspace::target("bpf-tools/bin/bpf-linker");
        if linker_version(&linker_path) != Some(LINKER.to_owned()) {
            install_linker(&llvm)?;
        }
        Ok(Some(Self {
            rustc: DEBIAN.into(),
            compiler,
            linker: format!("bpf-linker {LINKER}, LLVM {llvm}"),
            linker_path,
            llvm,
        }))
    }

    /// In a line.
    pub(crate) fn describe(&self) -> String {
        format!("{} and {}", self.compiler, self.linker)
    }

    pub(super) fn linker_path(&self) -> &Path {
        &self.linker_path
    }

    /// A cargo command that compiles with this toolchain.
    pub(super) fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        // Building `core` is unstable; this lets a stable compiler do it.
        cargo
            .env("RUSTC", &self.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env_remove("RUSTFLAGS")
            .current_dir(workspace::root());
        cargo
    }

    /// The tool that strips DWARF and keeps BTF.
    pub(super) fn objcopy(&self) -> String {
        let major = self.llvm.split('.').next().unwrap_or_default();
        let versioned = format!("llvm-objcopy-{major}");
        if process::exists(&versioned) { versioned } else { "llvm-objcopy".into() }
    }

    pub(super) fn has_clippy(&self) -> bool {
        self.rustc == Path::new(DEBIAN) && Path::new("/usr/bin/clippy-driver").is_file()
    }
}

/// Route 1: a nightly that has `rust-src`, with a linker on the path.
fn nightly() -> Result<Option<Toolchain>> {
    let Ok(rustc) =
        process::capture(&mut process::command(["rustup", "which", "--toolchain", "nightly", "rustc"]))
    else {
        return Ok(None);
    };
    let rustc = PathBuf::from(rustc.trim());
    let sysroot = rustc.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    let has_sources = sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file();
    if !has_sources || !process::exists("bpf-linker") {
        return Ok(None);
    }
    let (compiler, llvm) = version(&rustc)?;
    let linker_path = PathBuf::from("bpf-linker");
    let linker = linker_version(&linker_path).unwrap_or_default();
    Ok(Some(Toolchain {
        rustc,
        compiler,
        linker: format!("bpf-linker {linker}, LLVM {llvm}"),
        linker_path,
        llvm,
    }))
}

/// The compiler's version line and its LLVM's version.
fn version(rustc: &Path) -> Result<(String, String)> {
    let said = process::capture(Command::new(rustc).arg("-vV"))?;
    let compiler = said.lines().next().unwrap_or_default().to_owned();
    let llvm =
        said.lines().find_map(|line| line.strip_prefix("LLVM version: ")).unwrap_or_default().to_owned();
    Ok((compiler, llvm))
}

fn linker_version(linker: &Path) -> Option<String> {
    let said = process::capture(Command::new(linker).arg("--version")).ok()?;
    said.split_whitespace().nth(1).map(str::to_owned)
}

fn install_linker(llvm: &str) -> Result {
    let major = llvm.split('.').next().unwrap_or_default();
    ui::stage(&format!("building bpf-linker {LINKER} against LLVM {major} (a minute or two, once)"));
    let features = format!("llvm-{major}");
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "install",
            "bpf-linker",
            "--version",
            LINKER,
            "--locked",
            "--quiet",
            "--no-default-features",
            "--features",
        ])
        .arg(features)
        .arg("--root")
        .arg(workspace::target("bpf-tools"))
        .env("LLVM_PREFIX", format!("/usr/lib/llvm-{major}"))
        .current_dir(workspace::root());
    process::run(&mut cargo)
}
