//! The stages of `cargo xtask test`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::VALGRIND;
use crate::ebpf::{self, Checked};
use crate::process::{self, Result};
use crate::{ui, workspace};

/// What has become of the stages so far.
#[derive(Debug, Default)]
pub(super) struct Stages {
    pub(super) passed: u32,
    pub(super) failed: Vec<&'static str>,
    pub(super) skipped: Vec<&'static str>,
    /// The XDP object that another toolchain than the record's gave: it has to pass the same tests.
    rebuilt: Option<PathBuf>,
    /// An interpreter with the packages that tests need.
    python: Option<PathBuf>,
    /// The packages for Node.js that tests need.
    node: Option<PathBuf>,
}

impl Stages {
    /// Nothing has run yet.
    pub(super) fn new(python: Option<PathBuf>, node: Option<PathBuf>) -> Self {
        Self { python, node, ..Self::default() }
    }

    /// `cargo fmt`
    pub(super) fn format(&mut self) {
        self.stage("format", || process::run(&mut cargo(["fmt", "--all", "--check"])));
    }

    /// clippy, for the host, and for the kernel where its toolchain has one.
    pub(super) fn lints(&mut self) {
        self.stage("lints", || {
            process::run(
                cargo(["clippy", "--quiet", "--locked", "--workspace", "--all-targets"])
                    .args(["--", "-D", "warnings"]),
            )
        });
        let name = "lints of the XDP program";
        if self.begin(name, ebpf::clippy) == Some(false) {
            self.skip(name, "no clippy for the kernel's target (apt-get install rust-web-clippy)");
        }
    }

    /// The committed XDP object is what the sources give.
    pub(super) fn object(&mut self) {
        let name = "the XDP object is what its sources give";
        match self.begin(name, ebpf::check) {
            Some(Checked::RecordOnly) => self.skip(name, "no BPF toolchain; its record fits the sources"),
            Some(Checked::Equivalent(path)) => self.rebuilt = Some(path),
            Some(Checked::Identical) | None => {}
        }
    }

    /// Unit, kernel and end-to-end tests. Each test that skips itself writes its name into `skips`.
    pub(super) fn tests(&mut self, skips: &Path) {
        let (python, node) = (self.python.clone(), self.node.clone());
        let environment = [("FLEETGATE_PYTHON", python), ("FLEETGATE_NODE_MODULES", node)];
        self.stage("tests", || {
            process::run(&mut cargo([
                "build",
                "--quiet",
                "--locked",
                "--package",
                "fleetgate",
                "--bin",
                "fleetgate",
            ]))?;
            process::run(with_environment(&mut all_tests(&[]), skips, &environment))
        });
        if let Some(object) = self.rebuilt.take() {
            self.stage("tests of the rebuilt XDP object", || {
                let mut tests = all_tests(&["--package", "fleetgate-tests", "--test", "xdp"]);
                process::run(
                    with_environment(&mut tests, skips, &environment).env("FLEETGATE_XDP_OBJECT", object),
                )
            });
        }
        self.stage("examples in documentation", || {
            process::run(&mut cargo(["test", "--quiet", "--locked", "--workspace", "--doc"]))
        });
    }

    /// rustdoc without warnings.
    pub(super) fn documentation(&mut self) {
        self.stage("documentation", || {
            let mut doc =
                cargo(["doc", "--quiet", "--locked", "--workspace", "--no-deps", "--document-private-items"]);
            process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
        });
    }

    /// The product document's steps, with an optimised build.
    pub(super) fn walk(&mut self) {
        self.stage("the product document's steps", || process::run(&mut cargo(["xtask", "run", "--once"])));
    }

    /// Instructions of what is done most often, beside the committed baseline.
    pub(super) fn instructions(&mut self) {
        let name = "instruction counts";
        let lacks = if !VALGRIND.is_here() {
            "it needs valgrind"
        } else if !workspace::root().join("bench/instructions.json").exists() {
            "there is no baseline; `cargo xtask bench instructions --update` writes it"
        } else {
            return self.stage(name, || process::run(&mut cargo(["xtask", "bench", "instructions"])));
        };
        self.skipped.push(name);
        ui::line(&format!("skipped {name}: {lacks}"));
    }

    fn stage(&mut self, name: &'static str, stage: impl FnOnce() -> Result) {
        self.begin(name, stage);
    }

    /// Takes a stage; what it found out, unless it failed.
    fn begin<T>(&mut self, name: &'static str, stage: impl FnOnce() -> Result<T>) -> Option<T> {
        ui::stage(name);
        match stage() {
            Ok(result) => {
                self.passed += 1;
                Some(result)
            }
            Err(error) => {
                ui::error(&error.to_string());
                self.failed.push(name);
                None
            }
        }
    }

    /// A stage that came back and had nothing to look at was skipped, not passed.
    fn skip(&mut self, name: &'static str, why: &str) {
        self.passed -= 1;
        self.skipped.push(name);
        ui::line(&format!("skipped {name}: {why}"));
    }
}

fn cargo<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = process::command(std::iter::once("cargo").chain(words));
    command.current_dir(workspace::root());
    command
}

/// The tests that `selection` says, or all; by nextest where it is installed.
fn all_tests(selection: &[&str]) -> Command {
    let has_nextest = process::capture(&mut cargo(["nextest", "--version"])).is_ok();
    let words: &[&str] =
        if has_nextest { &["nextest", "run", "--no-fail-fast"] } else { &["test", "--no-fail-fast"] };
    let mut command = cargo(words.iter().copied());
    command.arg("--locked");
    match selection {
        [] if has_nextest => command.arg("--workspace"),
        [] => command.args(["--workspace", "--lib", "--bins", "--tests"]),
        selection => command.args(selection),
    };
    command
}

fn with_environment<'a>(
    command: &'a mut Command,
    skips: &Path,
    environment: &[(&str, Option<PathBuf>)],
) -> &'a mut Command {
    command.envs(environment.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
    command.env("FLEETGATE_BIN", workspace::target("debug/fleetgate")).env("FLEETGATE_SKIPPED", skips)
}
