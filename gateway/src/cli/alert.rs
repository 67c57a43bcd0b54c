//! `fleetgate alert`

mod policy;
mod webhook;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::resource::{Api, show, tell, text};
use super::{ConfigFile, client, print};

const PATH: &str = "/fleetgate/v1/alerts";
const HISTORY: &str = "alerting/v3/history";

/// The arguments of `fleetgate alert`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate alert webhook add operations https://hooks.example.com/certificates\n  fleetgate alert policy add \"Device CAs\" --webhook operations --days 30,14,1\n  fleetgate alert plan\n  fleetgate alert test operations\n  fleetgate alert history"
)]
pub(super) struct Alert {
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
    /// List every alert: which were sent, and which would be sent when. Nothing is sent by this.
    #[command(after_help = "Example:\n  fleetgate alert plan --json")]
    Plan,
    /// Send a test message now. Exit status 1 when one is not delivered.
    #[command(after_help = "Example:\n  fleetgate alert test operations")]
    Test {
        /// A webhook's name or id, or an e-mail address that a policy tells. Everybody, if nobody is named.
        recipient: Option<String>,
    },
    /// List alerts that were sent, the last ones first.
    #[command(after_help = "Example:\n  fleetgate alert history --json")]
    History,
    /// List webhooks, which are told, add one, or remove one.
    #[command(
        subcommand,
        after_help = "Examples:\n  fleetgate alert webhook list\n  fleetgate alert webhook add operations https://hooks.example.com/certificates\n  fleetgate alert webhook rm operations"
    )]
    Webhook(webhook::Verb),
    /// List policies, which say who is told when, add one, or remove one.
    #[command(
        subcommand,
        after_help = "Examples:\n  fleetgate alert policy list\n  fleetgate alert policy add \"Device CAs\" --webhook operations --days 30,14,1\n  fleetgate alert policy rm \"Device CAs\""
    )]
    Policy(policy::Verb),
}

impl Alert {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let socket = self.config.admin_socket()?;
        let api = || Api::at(&socket);
        match &self.verb {
            Verb::Plan => {
                let client::Answer { text, body, .. } = client::ask(&socket, Method::GET, PATH, None)?;
                print(&if self.json { text } else { plan(&body) });
                Ok(ExitCode::SUCCESS)
            }
            Verb::Test { recipient } => self.test(&socket, recipient.as_deref()),
            Verb::History => Ok(show(&Value::Array(api()?.list(HISTORY)?), self.json, history)),
            Verb::Webhook(verb) => Ok(show(&verb.ask(&api()?)?, self.json, webhook::describe)),
            Verb::Policy(verb) => Ok(show(&verb.ask(&api()?)?, self.json, policy::describe)),
        }
    }

    fn test(&self, socket: &Path, recipient: Option<&str>) -> Result<ExitCode, String> {
        let (path, request) = (format!("{PATH}/test"), json!({ "recipient": recipient }));
        let client::Answer { text, body, .. } = client::ask(socket, Method::POST, &path, Some(&request))?;
        let (described, is_good) = tested(&body);
        print(if self.json { &text } else { &described });
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A line an alert that was sent.
fn history(sent: &Value) -> String {
    let row = |it: &Value| {
        let body: Value = serde_json::from_str(&text(it, "alert_body")).unwrap_or_default();
        let to = format!("{}:{}", text(it, "mechanism_type"), text(it, "mechanism"));
        vec![text(it, "sent"), text(it, "name"), to, text(&body, "text")]
    };
    tell(sent, &["SENT", "POLICY", "TO", "ALERT"], row)
}

/// A line an alert.
fn plan(reply: &Value) -> String {
    let line = |alert: &Value| {
        let text = |key: &str| alert[key].as_str().unwrap_or_default();
        let names: Vec<_> =
            alert["certificates"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let when = match alert["days"].as_u64() {
            Some(0) => "when it has expired".to_owned(),
            Some(1) => "1 day before".to_owned(),
            days => format!("{} days before", days.unwrap_or_default()),
        };
        let since = alert["since"].as_str().map(|since| format!(" {since}")).unwrap_or_default();
        let error = alert["error"].as_str().map(|error| format!(": {error}")).unwrap_or_default();
        format!(
            "{}  {} ({})  {when}  to {}  {}{since}{error}",
            text("at"),
            names.join(", "),
            text("subject"),
            text("recipient_name"),
            text("status")
        )
    };
    lines(
        &reply["alerts"],
        line,
        "no alert would be sent: there is no certificate, or no policy that tells anybody",
    )
}

/// A line a recipient, and whether all got it.
fn tested(reply: &Value) -> (String, bool) {
    let line = |result: &Value| {
        let name = result["name"].as_str().unwrap_or_default();
        match result["error"].as_str() {
            None => format!("{name}: delivered"),
            Some(error) => format!("{name}: not delivered: {error}"),
        }
    };
    let mut results = reply["results"].as_array().into_iter().flatten();
    let is_good = results.all(|result| result["error"].is_null());
    (lines(&reply["results"], line, "there is nobody to send to"), is_good)
}

fn lines(list: &Value, line: impl Fn(&Value) -> String, nothing: &str) -> String {
    let lines: Vec<_> = list.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { nothing.to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_when_and_to_whom() {
        let alert = |days: u64, status: &str, since: Value, error: Value| {
            json!({
                "certificates": ["devices"], "subject": "CN=Root", "recipient_name": "ops", "at": "2027-01-01T00:00:00Z",
                "days": days, "status": status, "since": since, "error": error,
            })
        };
        let reply = json!({ "alerts": [
            alert(30, "delivered", json!("2027-01-01T00:00:01Z"), Value::Null),
            alert(1, "failed, tried again", json!("2027-01-31T00:00:00Z"), json!("it answers 500")),
            alert(0, "planned", Value::Null, Value::Null),
        ] });
        assert_eq!(
            plan(&reply),
            "2027-01-01T00:00:00Z  devices (CN=Root)  30 days before  to ops  delivered 2027-01-01T00:00:01Z\n\
             2027-01-01T00:00:00Z  devices (CN=Root)  1 day before  to ops  failed, tried again 2027-01-31T00:00:00Z: it answers 500\n\
             2027-01-01T00:00:00Z  devices (CN=Root)  when it has expired  to ops  planned"
        );
        assert!(plan(&json!({ "alerts": [] })).starts_with("no alert"));
    }

    #[test]
    fn a_test_that_does_not_arrive_is_a_failure() {
        let reply = json!({ "results": [
            { "recipient": "webhook:a", "name": "ops", "error": null },
            { "recipient": "email:a@b", "name": "a@b", "error": "alert.smtp is not set" },
        ] });
        assert_eq!(
            tested(&reply),
            ("ops: delivered\na@b: not delivered: alert.smtp is not set".to_owned(), false)
        );
        assert_eq!(tested(&json!({ "results": [] })), ("there is nobody to send to".to_owned(), true));
    }
}
