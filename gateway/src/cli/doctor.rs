//! `fleetgate doctor`

use std::process::ExitCode;

use http::Method;

use super::{ConfigFile, client, print};
use crate::doctor::{self, Level, Running};

/// Prints what was found at this machine. "No" where something is a problem.
pub(super) fn doctor(config: &ConfigFile, json: bool) -> Result<ExitCode, String> {
    let report = doctor::examine(&config.path, running(config).as_ref());
    if json {
        print(&serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        print(&report.to_string());
    }
    Ok(if report.count(Level::Problem) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The gateway that answers at the admin socket.
fn running(config: &ConfigFile) -> Option<Running> {
    let socket = config.admin_socket().ok()?;
    let status = client::ask(&socket, Method::GET, "/fleetgate/v1/status", None).ok()?.body;
    let warnings = status.get("warnings")?.as_array()?.iter();
    Some(Running {
        process: u32::try_from(status.get("process")?.as_u64()?).ok()?,
        warnings: warnings.filter_map(|warning| warning.as_str()).map(str::to_owned).collect(),
    })
}
