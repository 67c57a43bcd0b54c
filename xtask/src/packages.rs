//! Debian packages that a task needs.

use crate::privilege::Privilege;
use crate::process::{self, Result};
use crate::ui;

/// Something that a package provides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// The program, or the file, by which it is recognised.
    pub(crate) probe: &'static str,
    /// The package that has it.
    pub(crate) package: &'static str,
}

impl Tool {
    /// A program and its package.
    pub(crate) const fn new(probe: &'static str, package: &'static str) -> Self {
        Self { probe, package }
    }

    /// Whether it is there.
    pub(crate) fn is_here(&self) -> bool {
        if self.probe.starts_with('/') {
            std::path::Path::new(self.probe).exists()
        } else {
            process::exists(self.probe)
        }
    }
}

/// Installs what is missing of `tools`, which are wanted for `purpose`. What cannot be installed is said in one line
/// and returned; the caller goes on with what works.
pub(crate) fn ensure(tools: &[Tool], purpose: &str) -> Vec<Tool> {
    let missing = || tools.iter().filter(|tool| !tool.is_here()).copied().collect::<Vec<_>>();
    if missing().is_empty() {
        return Vec::new();
    }
    let privilege = Privilege::detect();
    if privilege.is_some() && process::exists("apt-get") {
        let packages: Vec<_> = missing().iter().map(|tool| tool.package).collect();
        ui::stage(&format!("installing {} ({purpose})", packages.join(" ")));
        if let Err(error) = install(privilege, &packages) {
            ui::note(&error.to_string());
        }
    }
    let missing = missing();
    if !missing.is_empty() {
        let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
        ui::note(&format!(
            "{purpose}: not available; install it with: apt-get install {}",
            packages.join(" ")
        ));
    }
    missing
}

fn install(privilege: Privilege, packages: &[&str]) -> Result {
    let options = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"];
    let install = || {
        let words = ["env"].into_iter().chain(options).chain(["install", "--no-install-recommends", "-y"]);
        privilege.run(words.chain(packages.iter().copied()))
    };
    // The lists may be old or absent; looking them up anew takes a while, so try without.
    install().or_else(|_| {
        privilege.run(["env"].into_iter().chain(options).chain(["update"]))?;
        install()
    })
}
