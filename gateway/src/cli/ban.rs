//! `fleetgate ban`

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ConfigFile, client, print};

const PATH: &str = "/fleetgate/v1/bans";

/// The arguments of `fleetgate ban`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate ban add 192.0.2.1 --for 2h\n  fleetgate ban add 2001:db8::1 --host iot.example.com\n  fleetgate ban rm 192.0.2.1\n  fleetgate ban list --json"
)]
pub(super) struct Ban {
    #[command(flatten)]
    config: ConfigFile,
    /// Print the gateway's answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Drop what a source sends, and end what it has open.
    #[command(after_help = "Example:\n  fleetgate ban add 192.0.2.1 --for 2h")]
    Add {
        #[command(flatten)]
        subject: Subject,
        /// For how long: 90s, 10m, 2h, 7d.
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
        time: Duration,
    },
    /// Take a ban back. Exit status 1 when there is none.
    #[command(after_help = "Example:\n  fleetgate ban rm 192.0.2.1")]
    Rm {
        #[command(flatten)]
        subject: Subject,
    },
    /// List the bans in force.
    #[command(after_help = "Example:\n  fleetgate ban list --json")]
    List,
}

#[derive(Debug, Args)]
struct Subject {
    /// An IPv4 address, or any address of an IPv6 /64, which is banned whole.
    source: IpAddr,
    /// From this host only, as the configuration names it.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

impl Ban {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let (method, body) = match &self.verb {
            Verb::Add { subject, time } => (Method::POST, Some(subject.body(Some(time.as_secs())))),
            Verb::Rm { subject } => (Method::DELETE, Some(subject.body(None))),
            Verb::List => (Method::GET, None),
        };
        let client::Answer { status, text, body } =
            client::ask(&self.config.admin_socket()?, method, PATH, body.as_ref())?;
        print(&if self.json { text } else { self.verb.describe(&body) });
        let nothing =
            matches!(self.verb, Verb::Rm { .. }) && body.get("changed") == Some(&Value::Bool(false));
        Ok(if status == StatusCode::OK && !nothing { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Subject {
    fn body(&self, seconds: Option<u64>) -> Value {
        json!({ "source": self.source, "host": self.host, "seconds": seconds })
    }
}

impl Verb {
    fn describe(&self, reply: &Value) -> String {
        let subject = reply["subject"].as_str().unwrap_or_default();
        match self {
            Self::Add { .. } => {
                let time = Duration::from_secs(reply["seconds"].as_u64().unwrap_or_default());
                format!("banned {subject} for {}", humantime::format_duration(time))
            }
            Self::Rm { .. } if reply["changed"] == false => format!("{subject} is not banned"),
            Self::Rm { .. } => format!("pardoned {subject}"),
            Self::List => list(reply),
        }
    }
}

/// A line a ban.
pub(super) fn list(reply: &Value) -> String {
    let line = |ban: &Value| {
        let text = |key: &str| ban[key].as_str().unwrap_or_default().to_owned();
        let host = ban["host"].as_str().map(|host| format!(" from {host}")).unwrap_or_default();
        let remaining = Duration::from_secs(ban["remaining"].as_u64().unwrap_or_default());
        let time = humantime::format_duration(remaining);
        let met = if ban["by"] == "userspace" { "connections and requests, in userspace" } else { "packets" };
        format!("{}{host}  {}  {time} left  {} {met}", text("source"), text("cause"), ban["packets"])
    };
    let lines: Vec<_> = reply["bans"].as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { "nobody is banned".to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_who_why_and_for_how_long() {
        let reply = json!({ "bans": [
            { "source": "192.0.2.1", "host": null, "cause": "operator", "age": 1, "remaining": 3599, "packets": 7, "by": "xdp" },
            { "source": "2001:db8::/64", "host": "iot.example.com", "cause": "names", "age": 1, "remaining": 60, "packets": 0, "by": "userspace" },
        ] });
        assert_eq!(
            list(&reply),
            "192.0.2.1  operator  59m 59s left  7 packets\n2001:db8::/64 from iot.example.com  names  1m left  0 connections and requests, in userspace"
        );
        assert_eq!(list(&json!({ "bans": [] })), "nobody is banned");
    }
}
