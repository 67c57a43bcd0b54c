//! `fleetgate xdp`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::{Method, StatusCode};
use serde_json::Value;

use super::{ConfigFile, ban, client, print};
use crate::config::Config;
use crate::xdp;

const PATH: &str = "/fleetgate/v1/xdp";

/// The arguments of `fleetgate xdp`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  fleetgate xdp status --json")]
pub(super) struct Xdp {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show where the program is, what became of packets and why, bans, and how full its tables are.
    #[command(after_help = "Example:\n  fleetgate xdp status --json")]
    Status {
        /// Print the gateway's answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take the program from the interfaces that a gateway which is gone left it on, and remove its maps.
    #[command(after_help = "Example:\n  fleetgate xdp detach")]
    Detach,
}

impl Xdp {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let Verb::Status { json } = self.verb else { return self.detach() };
        let client::Answer { status, text, body } =
            client::ask(&self.config.admin_socket()?, Method::GET, PATH, None)?;
        print(&if json { text } else { describe(&body) });
        Ok(if status == StatusCode::OK { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Xdp {
    /// Needs no gateway.
    fn detach(&self) -> Result<ExitCode, String> {
        let (config, _) = Config::load(&self.config.path).map_err(|problems| problems.to_string())?;
        let Some(pins) = config.xdp.pin_dir else {
            return Err("xdp.pin_dir is not set: the program goes with the gateway".to_owned());
        };
        let interfaces = xdp::detach(&pins).map_err(|error| error.to_string())?;
        print(&if interfaces.is_empty() {
            "nothing was attached".to_owned()
        } else {
            format!("detached from {}", interfaces.join(", "))
        });
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(status: &Value) -> String {
    let rows = |key: &str| status[key].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut page = String::new();
    for interface in rows("interfaces") {
        let mode = interface["mode"].as_str().unwrap_or("NOT ATTACHED");
        let _ = writeln!(page, "interface  {} ({mode})", text(&interface["interface"]));
    }
    if page.is_empty() {
        page.push_str("interface  none\n");
    }
    for problem in rows("errors") {
        let _ = writeln!(page, "problem    {}", text(problem));
    }
    if let Some(by) = status.pointer("/cookies/by").and_then(Value::as_str) {
        let _ = writeln!(page, "SYN cookies by {by}");
    }
    if let Some(problem) = status.pointer("/cookies/problem").and_then(Value::as_str) {
        let _ = writeln!(page, "problem    {problem}");
    }
    page.push_str("\nparts\n");
    for row in rows("parts") {
        let state = if row["on"] == true { "on" } else { "off" };
        let _ = writeln!(page, "  {:10} {state:3} {}", text(&row["part"]), text(&row["says"]));
    }
    for row in rows("features").filter(|row| row["available"] != true) {
        let known = if row["available"].is_null() { "unknown" } else { "NO" };
        let _ = writeln!(page, "  {known:14} {} (Linux {})", text(&row["feature"]), text(&row["linux"]));
    }
    for row in rows("steered") {
        let (cpu, packets) = (row["cpu"].to_string(), row["packets"].to_string());
        let _ = writeln!(page, "  CPU {cpu:10} {packets:>12} packets steered");
    }
    page.push_str("\npackets\n");
    for row in rows("packets") {
        let (action, reason) = (text(&row["action"]), text(&row["reason"]));
        let _ = writeln!(page, "  {action:6} {reason:26} {:>12}", row["packets"].to_string());
    }
    page.push_str("\ntables\n");
    for row in rows("tables") {
        let (entries, capacity) = (row["entries"].to_string(), row["capacity"].to_string());
        let _ = writeln!(page, "  {:16} {entries:>8} of {capacity}", text(&row["table"]));
    }
    page.push_str("\nbans\n");
    for line in ban::list(status).lines() {
        let _ = writeln!(page, "  {line}");
    }
    page.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_shows_where_why_and_how_full() {
        let status = json!({
            "interfaces": [{ "interface": "eth0", "mode": "native" }, { "interface": "eth1", "mode": null }],
            "errors": ["there is no interface eth1"],
            "cookies": { "by": "xdp", "problem": null },
            "packets": [{ "action": "drop", "reason": "syn_limited", "packets": 17 }],
            "bans": [],
            "tables": [{ "table": "flows", "entries": 3, "capacity": 65536 }],
            "parts": [
                { "part": "steering", "on": true, "says": "by CPUMAP" },
                { "part": "sk_lookup", "on": false, "says": "xdp.serve is empty" },
            ],
            "features": [
                { "feature": "ring buffers", "part": "all", "linux": "5.8", "available": true },
                { "feature": "CPU maps", "part": "steering", "linux": "4.15", "available": false },
            ],
            "steered": [{ "cpu": 1, "packets": 12 }],
        });
        let expected = "\
interface  eth0 (native)
interface  eth1 (NOT ATTACHED)
problem    there is no interface eth1
SYN cookies by xdp

parts
  steering   on  by CPUMAP
  sk_lookup  off xdp.serve is empty
  NO             CPU maps (Linux 4.15)
  CPU 1                    12 packets steered

packets
  drop   syn_limited                          17

tables
  flows                   3 of 65536

bans
  nobody is banned";
        assert_eq!(describe(&status), expected);
        assert!(describe(&json!({})).starts_with("interface  none\n"));
    }
}
