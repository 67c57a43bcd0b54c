//! `fleetgate status`

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use super::{client, print};

/// Prints what the running gateway is doing.
pub(super) fn status(socket: &Path, json: bool) -> Result<ExitCode, String> {
    let (_, body) = client::call(socket, Method::GET, "/fleetgate/v1/status")?;
    if json {
        print(&String::from_utf8_lossy(&body));
    } else {
        let status: Value = serde_json::from_slice(&body).map_err(|error| format!("the gateway answered oddly: {error}"))?;
        print(describe(&status).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(status: &Value) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<14}{value}");
    };
    let state = if status["draining"] == true { "draining" } else { "serving" };
    line("fleetgate", format!("{} {state}, generation {}", plain(&status["version"]), status["generation"]));
    line("config", plain(&status["config"]));
    line("listeners", list(&status["listeners"], plain));
    line("connections", status["connections"].to_string());
    let cache = &status["verdict_cache"];
    line(
        "cache",
        format!(
            "{} of {} verdicts, {} hits, {} misses, {} evictions",
            cache["entries"], cache["capacity"], cache["hits"], cache["misses"], cache["evictions"]
        ),
    );
    let interface = |xdp: &Value| match xdp["mode"].as_str() {
        Some(mode) => format!("{} ({mode})", plain(&xdp["interface"])),
        None => format!("{} NOT ATTACHED", plain(&xdp["interface"])),
    };
    line("xdp", list(&status["xdp"], interface));
    for host in status["hosts"].as_array().into_iter().flatten() {
        let (name, origin) = (plain(&host["name"]), plain(&host["origin"]));
        line("host", format!("{name} -> {origin}, {} trusted CAs", host["trust_anchors"]));
    }
    for warning in status["warnings"].as_array().into_iter().flatten() {
        line("WARNING", plain(warning));
    }
    text
}

fn list(values: &Value, show: impl Fn(&Value) -> String) -> String {
    let shown: Vec<_> = values.as_array().into_iter().flatten().map(show).collect();
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
