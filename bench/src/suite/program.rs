//! Running a program that measures the gateway's library.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

/// Why a case gave no figure.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It does not start.
    #[error("cannot run {}: {error}", program.display())]
    Start {
        /// Which program.
        program: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It failed.
    #[error("{what}: {status}: {said}")]
    Failed {
        /// At what.
        what: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// Its answer makes no sense.
    #[error("{what}: no figure in what was written")]
    NoFigure {
        /// Of what.
        what: String,
    },
}

/// What it wrote to its standard output; `what` is for errors.
pub(super) async fn run(what: &str, mut command: Command) -> Result<String, ProgramError> {
    // Whoever is stopped meanwhile leaves nothing running.
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let program = || command.as_std().get_program().into();
    let output = output.map_err(|error| ProgramError::Start { program: program(), error })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(ProgramError::Failed { what: what.to_owned(), status: output.status, said: text(&output.stderr) })
}
