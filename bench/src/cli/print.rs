//! What is printed, all of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to a person")]

use std::process::ExitCode;

/// A line of the result.
pub(super) fn line(text: &str) {
    println!("{text}");
}

/// Something worth knowing while it runs.
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}

/// What a command's end is for whoever called it.
pub(super) fn exit<E: std::fmt::Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
