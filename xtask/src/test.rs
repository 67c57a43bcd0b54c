//! `cargo xtask test`: everything that must pass, from a clean clone.

mod stages;

use clap::Args;

use crate::bench::VALGRIND;
use crate::packages::{self, Tool};
use crate::process::{Error, Result};
use crate::{node, python, ui, workspace};
use stages::Stages;

/// Options of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Leave out the walk through the product document (`cargo xtask run --once`) and the count of instructions, which need an
    /// optimised build.
    #[arg(long)]
    no_walk: bool,
}

/// Programs of other people that tests run against. A test whose program is missing is skipped, by name.
const TOOLS: [Tool; 18] = [
    Tool::new("curl", "curl"),
    Tool::new("openssl", "openssl"),
    Tool::new("ip", "iproute2"),
    Tool::new("ethtool", "ethtool"),
    Tool::new("cfssl", "golang-cfssl"),
    Tool::new("bpftool", "bpftool"),
    Tool::new("promtool", "prometheus"),
    Tool::new("systemd-analyze", "systemd"),
    Tool::new("setpriv", "util-linux"),
    Tool::new("/usr/sbin/nginx", "nginx-light"),
    Tool::new("/usr/sbin/mosquitto", "mosquitto"),
    Tool::new("haproxy", "haproxy"),
    Tool::new("h2load", "nghttp2-client"),
    Tool::new("nft", "nftables"),
    VALGRIND,
    Tool::new("chromium", "chromium"),
    Tool::new("certutil", "libnss3-tools"),
    Tool::new("softhsm2-util", "softhsm2"),
];

/// Runs every stage, and goes on after one that failed.
pub(crate) fn run(options: &Options) -> Result {
    packages::ensure(&TOOLS, "testing against real programs");
    let skips = workspace::target("skipped-tests");
    // A list from the run before would be taken for ours.
    let _ = std::fs::remove_file(&skips);
    let mut stages = Stages::new(python::ensure(), node::ensure());
    stages.format();
    stages.lints();
    stages.object();
    stages.tests(&skips);
    stages.documentation();
    if !options.no_walk {
        stages.walk();
        stages.instructions();
    }
    let skipped = std::fs::read_to_string(&skips).unwrap_or_default();
    for skip in skipped.lines() {
        ui::line(&format!("skipped {skip}"));
    }
    let skipped = skipped.lines().count() + stages.skipped.len();
    ui::line(&format!("{} passed, {} failed, {skipped} skipped", stages.passed, stages.failed.len()));
    if stages.failed.is_empty() {
        Ok(())
    } else {
        Err(Error::message(format!("failed: {}", stages.failed.join(", "))))
    }
}
