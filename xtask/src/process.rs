//! Running other programs.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What can go wrong in a task.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A program could not be started.
    #[error("cannot start `{program}`: {error}")]
    Start {
        /// Which one.
        program: String,
        /// What the system said.
        error: io::Error,
    },
    /// A program failed.
    #[error("`{line}` failed{}{}", if .output.is_empty() { "" } else { ":\n" }, .output)]
    Failed {
        /// The command line.
        line: String,
        /// The end of what it said, where it was not shown already.
        output: String,
    },
    /// A file could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Message(String),
}

/// What a task gives.
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err` after something that was done to a file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |error| Self::File { path, error }
    }

    /// An error in words.
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }
}

/// A command from its words.
pub(crate) fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or("true"));
    command.args(words);
    command
}

/// Runs a command; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| start_error(command, error))?;
    if status.success() { Ok(()) } else { Err(Error::Failed { line: line(command), output: String::new() }) }
}

/// Runs a command and returns its standard output; its errors become part of ours.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| start_error(command, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<_> = said.lines().rev().take(15).collect();
    let output = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    Err(Error::Failed { line: line(command), output })
}

/// Whether a program is on the path.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps `ip` and `bpftool` where only root's path looks.
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

/// The command as somebody would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// For a program that could not be started.
pub(crate) fn start_error(command: &Command, error: io::Error) -> Error {
    Error::Start { program: command.get_program().to_string_lossy().into_owned(), error }
}
