//! `cargo xtask`: what cargo alone can't do.

mod bench;
mod ebpf;
mod node;
mod packages;
mod privilege;
mod process;
mod python;
mod run;
mod test;
mod ui;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs, tests and measures Fleetgate.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring everything up locally: demo PKI, origin, gateway with XDP, a few devices, live status. Ctrl-C ends it.
    #[command(
        after_help = "Examples:\n  cargo xtask run\n  cargo xtask run --once\n  cargo xtask run --no-xdp"
    )]
    Run(run::Options),
    /// Everything that must pass: format, lints, eBPF object, unit, kernel and end-to-end tests, documentation.
    #[command(after_help = "Example:\n  cargo xtask test")]
    Test(test::Options),
    /// Measure, beside what others take for the same work.
    #[command(after_help = "Example:\n  cargo xtask bench handshake --json handshake.json")]
    Bench(bench::Options),
    /// Build the XDP object from its sources and record how.
    #[command(after_help = "Examples:\n  cargo xtask build-ebpf\n  cargo xtask build-ebpf --check")]
    BuildEbpf(ebpf::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::BuildEbpf(options) => ebpf::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
