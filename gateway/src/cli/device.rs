//! `fleetgate device`

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{ArgGroup, Args, Subcommand};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ConfigFile, client, print};

const PATH: &str = "/fleetgate/v1/denied";

/// The arguments of `fleetgate device`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate device deny --common-name pump-17 --note \"stolen, ticket 4711\"\n  fleetgate device deny --serial 0A1B --ca \"Device CA\"\n  fleetgate device undeny --common-name pump-17\n  fleetgate device denied --json"
)]
pub(super) struct Device {
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
    /// Deny a device on its next handshake, and close its open connections.
    #[command(
        after_help = "Examples:\n  fleetgate device deny --common-name pump-17 --note \"stolen, ticket 4711\"\n  fleetgate device deny --fingerprint \"$(openssl x509 -in device.pem -noout -fingerprint -sha256)\"\n  fleetgate device deny --serial 0A1B --ca \"Device CA\"\n  fleetgate device deny --serial 0A1B --ca \"Device CA\" --issuer \"Issuing CA 3\""
    )]
    Deny {
        #[command(flatten)]
        selector: Selector,
        /// Why, for the list.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Take a denial back. Exit status 1 when there is none.
    #[command(after_help = "Example:\n  fleetgate device undeny --common-name pump-17")]
    Undeny {
        #[command(flatten)]
        selector: Selector,
    },
    /// List what is denied.
    #[command(after_help = "Example:\n  fleetgate device denied --json")]
    Denied,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["fingerprint", "key", "common_name", "serial"])))]
struct Selector {
    /// SHA-256 of its certificate in hexadecimal, as `openssl x509 -fingerprint -sha256` prints it.
    #[arg(long, value_name = "SHA256")]
    fingerprint: Option<String>,
    /// SHA-256 of its `SubjectPublicKeyInfo` in hexadecimal: the device in whatever certificate.
    #[arg(long, value_name = "SHA256")]
    key: Option<String>,
    /// Any of its common names.
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// The serial number of its certificate in hexadecimal; --ca says whose.
    #[arg(long, value_name = "HEX", requires = "ca")]
    serial: Option<String>,
    /// The name of the mTLS certificate with the CA that issued it.
    #[arg(long, value_name = "NAME", requires = "serial")]
    ca: Option<String>,
    /// Which of the CAs of that mTLS certificate, where it has several: its subject, common name, SHA-256 or id.
    #[arg(long, value_name = "CA", requires = "serial")]
    issuer: Option<String>,
}

impl Device {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let (method, body) = match &self.verb {
            Verb::Deny { selector, note } => (Method::POST, Some(selector.body(note.as_deref()))),
            Verb::Undeny { selector } => (Method::DELETE, Some(selector.body(None))),
            Verb::Denied => (Method::GET, None),
        };
        let client::Answer { status, text, body } =
            client::ask(&self.config.admin_socket()?, method, PATH, body.as_ref())?;
        if self.json {
            print(&text);
        } else {
            print(&self.verb.describe(&body));
        }
        let nothing = matches!(self.verb, Verb::Undeny { .. }) && is_empty(&body);
        Ok(if status == StatusCode::OK && !nothing { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn is_empty(reply: &Value) -> bool {
    reply["changed"].as_array().is_none_or(Vec::is_empty)
}

impl Selector {
    fn body(&self, note: Option<&str>) -> Value {
        let Self { fingerprint, key, common_name, serial, ca, issuer } = self;
        json!({
            "fingerprint": fingerprint, "key": key, "common_name": common_name,
            "serial": serial, "ca": ca, "issuer": issuer, "note": note,
        })
    }
}

impl Verb {
    fn describe(&self, reply: &Value) -> String {
        let (word, none) = match self {
            Self::Denied => return list(reply),
            Self::Deny { .. } => ("denied", "is denied already"),
            Self::Undeny { .. } => ("pardoned", "nothing is denied by that"),
        };
        let changed = reply["changed"].as_array().into_iter().flatten();
        let mut lines: Vec<_> = changed.map(|denial| format!("{word} {}", what(denial))).collect();
        if lines.is_empty() {
            lines.push(none.to_owned());
        }
        lines.extend(reply["problem"].as_str().map(|problem| format!("WARNING {problem}")));
        lines.join("\n")
    }
}

fn list(reply: &Value) -> String {
    let line = |denial: &Value| {
        let seconds = Duration::from_secs(denial["denied_at"].as_u64().unwrap_or(0));
        let at = SystemTime::UNIX_EPOCH.checked_add(seconds).unwrap_or(SystemTime::UNIX_EPOCH);
        let note = denial["note"].as_str().map(|note| format!("  {note}")).unwrap_or_default();
        format!("{}  {}{note}", humantime::format_rfc3339_seconds(at), what(denial))
    };
    let mut lines: Vec<_> = reply["denied"].as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() {
        lines.push("nothing is denied".to_owned());
    }
    if reply["file"].is_null() {
        lines.push("WARNING server.state_dir is not set: denials live until the gateway stops".to_owned());
    }
    lines.join("\n")
}

/// What a denial is about.
fn what(denial: &Value) -> String {
    let text = |key: &str| denial.get(key).and_then(Value::as_str);
    let named = [("fingerprint", "fingerprint"), ("key", "key"), ("common_name", "common name")];
    let named = named.iter().find_map(|(key, label)| text(key).map(|value| format!("{label} {value}")));
    named.unwrap_or_else(|| {
        let (serial, issuer) = (text("serial").unwrap_or("?"), text("issuer").unwrap_or("?"));
        format!("serial {serial} of {} (issuer {issuer})", text("ca").unwrap_or("?"))
    })
}
