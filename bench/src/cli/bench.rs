//! `fleetgate-bench`: the gateway beside what others take for the same work.

mod cache;
mod crl;
mod fleet;
mod flood;
mod floor;
mod instructions;
mod progress;
mod scale;
mod suite;
mod survival;
mod xdp;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{origin, print};

const EXAMPLES: &str = "Examples:\n  fleetgate-bench handshake --json handshake.json\n  fleetgate-bench proxy --quick --peers nginx";

/// Measures the gateway beside what others take for the same work.
#[derive(Debug, Parser)]
#[command(name = "fleetgate-bench", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// New connections: a full TLS 1.3 handshake with a client certificate, and one request each.
    #[command(after_help = "Example:\n  fleetgate-bench handshake --json handshake.json")]
    Handshake(suite::Options),
    /// Held connections: small requests, answers of 1 MiB, latency; and streams.
    #[command(after_help = "Example:\n  fleetgate-bench proxy --quick --peers nginx,caddy")]
    Proxy(suite::Options),
    /// Memory of the server's processes an idle device, over HTTP/1.1, HTTP/2 and as a byte stream.
    #[command(after_help = "Example:\n  fleetgate-bench memory --quick --peers nginx")]
    Memory(suite::Options),
    /// Changes of a policy, where 10,000 are stored: how long they take, how soon they are in force, what devices notice.
    #[command(after_help = "Example:\n  fleetgate-bench change --json change.json")]
    Change(suite::Options),
    /// Handshakes in memory, by instruction count, without a CRL and with long ones; loading one; and how soon it is enforced.
    #[command(after_help = "Example:\n  fleetgate-bench crl --program target/release/examples/measure")]
    Crl(crl::Options),
    /// Instructions of a handshake, a request and a decision, beside a baseline. Fails where they are more. Needs valgrind.
    #[command(after_help = "Example:\n  fleetgate-bench instructions --baseline bench/instructions.json")]
    Instructions(instructions::Options),
    /// Hits of the verdict cache among 100,000 entries, and the map in it beside another one.
    #[command(after_help = "Example:\n  fleetgate-bench cache --program target/release/deps/verdict_cache-…")]
    Cache(cache::Options),
    /// Nanoseconds a packet on each way through the XDP program, above one that passes everything.
    #[command(after_help = "Example:\n  fleetgate-bench xdp --program target/debug/examples/xdp")]
    Xdp(xdp::Options),
    /// What devices achieve while the gateway is flooded, with XDP, without it and with nftables. Needs root.
    #[command(after_help = "Example:\n  fleetgate-bench survival --quick --plot survival.svg")]
    Survival(survival::Options),
    /// A scenario: what a fleet does, what is done to it, and what has to come of it.
    #[command(
        after_help = "Example:\n  fleetgate-bench fleet --scenario bench/scenarios/steady.toml --quick"
    )]
    Fleet(fleet::Options),
    /// What one more device takes: fleets of several sizes, and lines through what was measured.
    #[command(after_help = "Example:\n  fleetgate-bench scale --quick")]
    Scale(scale::Options),
    /// The origin behind all servers.
    #[command(hide = true)]
    Origin(origin::Options),
    /// The least that the work takes.
    #[command(hide = true)]
    Floor(floor::Options),
    /// One of the floods that a gateway has to live through.
    #[command(hide = true)]
    Flood(flood::Options),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Handshake(options) => print::exit(suite::run(crate::suite::Suite::Handshake, &options)),
        Command::Proxy(options) => print::exit(suite::run(crate::suite::Suite::Proxy, &options)),
        Command::Memory(options) => print::exit(suite::run(crate::suite::Suite::Memory, &options)),
        Command::Change(options) => print::exit(suite::run(crate::suite::Suite::Change, &options)),
        Command::Crl(options) => print::exit(crl::run(&options)),
        Command::Instructions(options) => print::exit(instructions::run(&options)),
        Command::Cache(options) => print::exit(cache::run(&options)),
        Command::Xdp(options) => print::exit(xdp::run(&options)),
        Command::Survival(options) => print::exit(survival::run(&options)),
        Command::Fleet(options) => print::exit(fleet::run(&options)),
        Command::Scale(options) => print::exit(scale::run(&options)),
        Command::Origin(options) => print::exit(origin::run(&options)),
        Command::Floor(options) => print::exit(floor::run(&options)),
        Command::Flood(options) => print::exit(flood::run(&options)),
    }
}

#[cfg(test)]
mod tests;
