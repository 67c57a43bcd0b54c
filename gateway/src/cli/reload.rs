//! `fleetgate reload`

use std::path::Path;
use std::process::ExitCode;

use http::{Method, StatusCode};
use serde::Deserialize;

use super::{client, print};

#[derive(Deserialize)]
struct Reply {
    problems: Vec<String>,
}

/// Asks the running gateway to reload and says what became of it.
pub(super) fn reload(socket: &Path, json: bool) -> Result<ExitCode, String> {
    let (status, body) = client::call(socket, Method::POST, "/fleetgate/v1/reload")?;
    if json {
        print(&String::from_utf8_lossy(&body));
    } else {
        let reply: Reply =
            serde_json::from_slice(&body).map_err(|error| format!("the gateway answered oddly: {error}"))?;
        reply.problems.iter().for_each(|problem| print(problem));
        print(if status == StatusCode::OK {
            "reloaded"
        } else {
            "not reloaded; the old configuration keeps serving"
        });
    }
    Ok(if status == StatusCode::OK { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
