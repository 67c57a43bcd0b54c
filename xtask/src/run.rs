//! `cargo xtask run`: everything up, locally, on real parts. `--once` walks the product document's steps instead.

mod config;
mod console;
mod interrupt;
mod lab;
mod leftovers;
mod live;
mod lock;
mod metrics;
mod once;
mod pki;
mod sdk;
mod service;
mod walk;

use clap::Args;

use crate::bench;
use crate::packages::{self, Tool};
use crate::privilege::Privilege;
use crate::process::{self, Error, Result};
use crate::{ui, workspace};
use interrupt::Interrupt;
use lab::Lab;
use lock::Lock;

/// Options of `cargo xtask run`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Walk the product document's steps, print a line a step and `N passed, N failed`, and exit.
    #[arg(long)]
    once: bool,
    /// Leave XDP and network namespaces out: everything on loopback, without root.
    #[arg(long)]
    no_xdp: bool,
    /// Simulated devices of the live demo.
    #[arg(long, default_value_t = 8, value_name = "N")]
    devices: u32,
}

/// Programs of other people that the demo runs on.
const TOOLS: [Tool; 5] = [
    Tool::new("curl", "curl"),
    Tool::new("ip", "iproute2"),
    Tool::new("openssl", "openssl"),
    Tool::new("cfssl", "golang-cfssl"),
    Tool::new("bpftool", "bpftool"),
];

/// Brings everything up.
pub(crate) fn run(options: &Options) -> Result {
    let _lock = Lock::take()?;
    let privilege = Privilege::detect();
    let missing = packages::ensure(&TOOLS, "running the demo");
    let needed =
        |tool: &Tool| tool.probe == "curl" || (options.once && tool.probe != "ip" && tool.probe != "bpftool");
    if let Some(tool) = missing.iter().find(|tool| needed(tool)) {
        return Err(Error::message(format!(
            "`{}` is needed; install it with: apt-get install {}",
            tool.probe, tool.package
        )));
    }
    let xdp = !options.no_xdp && xdp_is_possible(privilege, &missing);
    build(options.once)?;
    // From here on there is something to take down.
    let interrupt = Interrupt::watch()?;
    leftovers::clear(privilege)?;
    let lab = if xdp { Lab::with_namespace(privilege)? } else { Lab::on_loopback(privilege)? };
    let result = if options.once { once::walk(&lab) } else { live::run(&lab, options.devices, &interrupt) };
    lab.take_down();
    result
}

/// Says what is missing where XDP cannot be had.
fn xdp_is_possible(privilege: Privilege, missing: &[Tool]) -> bool {
    let lacks_ip = missing.iter().any(|tool| tool.probe == "ip");
    if !privilege.is_some() {
        ui::note("going on with --no-xdp: attaching XDP and making namespaces needs root or sudo");
    } else if lacks_ip {
        ui::note("going on with --no-xdp: network namespaces need `ip` (apt-get install iproute2)");
    }
    privilege.is_some() && !lacks_ip
}

/// What the walk takes is built together with what is counted: `cargo xtask test` does both, and builds once.
fn build(walk: bool) -> Result {
    if walk {
        return bench::build_counted();
    }
    ui::stage("building the gateway and the device simulator (some minutes the first time)");
    let mut cargo = process::command(["cargo", "build", "--locked", "--profile", workspace::DEMO, "--quiet"]);
    cargo.args([
        "--package",
        "fleetgate",
        "--package",
        "fleetgate-bench",
        "--bin",
        "fleetgate",
        "--bin",
        "fleetsim",
    ]);
    process::run(cargo.current_dir(workspace::root()))
}
