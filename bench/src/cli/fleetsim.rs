//! `fleetsim`: certificates for a fleet, an origin, and the fleet itself.

mod pki;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{origin, print};

/// Simulates a fleet of devices that prove themselves by certificate.
#[derive(Debug, Parser)]
#[command(name = "fleetsim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make certificates: a CA and devices, a server, and a stranger of another CA.
    #[command(after_help = "Example:\n  fleetsim pki --out demo-pki --devices 20 --host iot.example.com")]
    Pki(pki::Options),
    /// Serve as an origin: answer any path with what was asked, and /bytes/N with N bytes.
    #[command(after_help = "Example:\n  fleetsim origin --listen 127.0.0.1:9000")]
    Origin(origin::Options),
    /// Be the devices, until --for has passed or Ctrl-C.
    #[command(
        after_help = "Example:\n  fleetsim run --connect 127.0.0.1:8443 --host iot.example.com --pki demo-pki \\\n               \
                            --ca demo-pki/server-ca.pem --devices 20 --bad 0.1 --for 30s"
    )]
    Run(Box<run::Options>),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Pki(options) => print::exit(pki::run(&options)),
        Command::Origin(options) => print::exit(origin::run(&options)),
        Command::Run(options) => print::exit(run::run(&options)),
    }
}

#[cfg(test)]
mod tests;
