//! `fleetgate upgrade`

use std::path::Path;
use std::process::ExitCode;

use http::Method;

use super::{client, print};

/// Has the running gateway start its successor, and says what became of it.
pub(super) fn upgrade(socket: &Path, json: bool) -> Result<ExitCode, String> {
    let answer = client::ask(socket, Method::POST, "/fleetgate/v1/upgrade", None)?;
    if json {
        print(&answer.text);
    } else {
        let process = answer.body.get("process").map_or_else(String::new, ToString::to_string);
        print(&format!("upgraded: process {process} serves, and the one before drains"));
    }
    Ok(ExitCode::SUCCESS)
}
