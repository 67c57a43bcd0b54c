//! `fleetsim pki`

use std::path::PathBuf;

use crate::cli::print;
use crate::pki::{self, IssueError, KeyKind, Plan, WriteError};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The folder to write into; it is made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many devices.
    #[arg(long, value_name = "N")]
    devices: usize,
    /// A name of the server (again for more); it answers to localhost too.
    #[arg(long = "host", value_name = "NAME", default_value = "iot.example.com")]
    hosts: Vec<String>,
    /// What devices and their CA sign with.
    #[arg(long, value_enum, default_value_t)]
    key: KeyKind,
    /// Put an issuing CA between root and devices; they send it along.
    #[arg(long)]
    intermediate: bool,
    /// Replace what is there.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum PkiError {
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

pub(super) fn run(options: &Options) -> Result<(), PkiError> {
    let Options { out, devices, hosts, key, intermediate, force } = options;
    let plan = Plan { devices: *devices, hosts: hosts.clone(), key: *key, intermediate: *intermediate };
    let files = pki::issue(&plan)?;
    pki::write(out, &files, *force)?;
    print::line(&format!("wrote {devices} devices, their CA, a server and a stranger to {}", out.display()));
    Ok(())
}
