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
        let status: Value =
            serde_json::from_slice(&body).map_err(|error| format!("the gateway answered oddly: {error}"))?;
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
    let (account, zone) = (plain(&status["account_id"]), plain(&status["zone_id"]));
    line("api", format!("account {account}, zone {zone}, revision {}", status["revision"]));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_worth_knowing_has_a_line() {
        let status = json!({
            "version": "1.2.3",
            "config": "/etc/fleetgate/fleetgate.toml",
            "account_id": "a1",
            "zone_id": "b2",
            "revision": 7,
            "generation": 4,
            "draining": false,
            "listeners": ["[::]:8443", "127.0.0.1:443"],
            "hosts": [{ "name": "iot.example.com", "origin": "http://127.0.0.1:9000", "trust_anchors": 2 }],
            "connections": 17,
            "verdict_cache": { "entries": 5, "capacity": 100, "hits": 40, "misses": 6, "evictions": 1 },
            "xdp": [{ "interface": "eth0", "mode": "native" }, { "interface": "eth1", "mode": null }],
            "warnings": ["eth1: no such device"],
        });
        let expected = "\
fleetgate     1.2.3 serving, generation 4
config        /etc/fleetgate/fleetgate.toml
api           account a1, zone b2, revision 7
listeners     [::]:8443, 127.0.0.1:443
connections   17
cache         5 of 100 verdicts, 40 hits, 6 misses, 1 evictions
xdp           eth0 (native), eth1 NOT ATTACHED
host          iot.example.com -> http://127.0.0.1:9000, 2 trusted CAs
WARNING       eth1: no such device
";
        assert_eq!(describe(&status), expected);
    }

    #[test]
    fn a_draining_gateway_without_xdp_says_so() {
        let text = describe(&json!({ "version": "1.2.3", "draining": true, "xdp": [] }));
        assert!(text.contains("1.2.3 draining") && text.contains("xdp           none"), "{text}");
    }
}
