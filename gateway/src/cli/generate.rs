//! `fleetgate completions` and `fleetgate man`: what packages install beside the binary, made from the command line itself.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, print};

/// Prints a shell's completions.
pub(super) fn completions(shell: Shell) -> ExitCode {
    let (mut command, mut script) = (Cli::command(), Vec::new());
    clap_complete::generate(shell, &mut command, "fleetgate", &mut script);
    print(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

/// Writes `fleetgate.1` and a page for each verb.
pub(super) fn manual(folder: &Path) -> Result<ExitCode, String> {
    let failed = |error| format!("cannot write into {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
