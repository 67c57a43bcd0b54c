//! What `fleetgate-bench crl` and `instructions` count and time: handshakes in memory, decisions, and the loading of CRLs.
//!
//! It is the gateway's own library that is measured here, so this is one of its examples, with the binary's allocator.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its caller")]

mod decision;
mod exchange;
mod load;
mod population;
mod side;
mod yes;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use population::Population;
use side::{Case, Side};

/// Why it came to nothing: whatever a library says.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Handshakes in memory, and loads of CRLs; `cargo xtask bench crl` runs this.
#[derive(Debug, Parser)]
enum Command {
    /// Makes certificates, and CRLs of so many entries.
    Prepare {
        folder: PathBuf,
        #[arg(long, value_delimiter = ',')]
        crls: Vec<usize>,
    },
    /// Makes handshakes, for callgrind.
    Handshakes {
        folder: PathBuf,
        #[arg(value_enum)]
        case: Case,
        /// With the CRL of so many entries.
        #[arg(long)]
        crl: Option<usize>,
        /// How many.
        #[arg(long)]
        count: u64,
    },
    /// Decides, for callgrind.
    Decide {
        /// How often.
        #[arg(long)]
        count: u64,
    },
    /// Loads the CRL of so many entries, and prints as JSON what it took.
    Load { folder: PathBuf, entries: usize },
}

fn main() -> ExitCode {
    match run(&Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Prepare { folder, crls } => Population::at(folder).make(crls),
        Command::Handshakes { folder, case, crl, count } => {
            handshakes(&Population::at(folder), *case, *crl, *count)
        }
        Command::Decide { count } => decision::decide_often(*count),
        Command::Load { folder, entries } => {
            let load = load::measure(&Population::at(folder), *entries)?;
            println!("{}", serde_json::to_string(&load)?);
            Ok(())
        }
    }
}

fn handshakes(population: &Population, case: Case, crl: Option<usize>, count: u64) -> Result<(), Failure> {
    let side = Side::new(case, population, crl)?;
    let devices = population.devices()?.into_iter().map(|identity| side::device(identity, population));
    let devices = devices.collect::<Result<Vec<_>, _>>()?;
    side.warm_up(population, &devices)?;
    for (device, _) in devices.iter().cycle().zip(0..count) {
        side.handshake_counted(&mut exchange::client(device)?)?;
    }
    side.check_hits(count)
}
