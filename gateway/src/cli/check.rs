//! `fleetgate check`

use std::path::Path;
use std::process::ExitCode;

use super::print;
use crate::control;

/// Prints every problem of a configuration.
pub(super) fn check(path: &Path, json: bool) -> ExitCode {
    let (problems, status) = match control::check(path) {
        Ok(warnings) => (warnings, ExitCode::SUCCESS),
        Err(problems) => (problems, ExitCode::FAILURE),
    };
    if json {
        print(&format!("{:#}", problems.json()));
    } else {
        let summary = if problems.has_errors() { "does not load" } else { "is good" };
        print(&format!("{}{} {summary}", problems.render(), path.display()));
    }
    status
}
