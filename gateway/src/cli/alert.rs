//! `fleetgate alert`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{ConfigFile, client, print};

const PATH: &str = "/fleetgate/v1/alerts";

/// The arguments of `fleetgate alert`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  fleetgate alert plan\n  fleetgate alert test operations")]
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
}

impl Alert {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let socket = self.config.admin_socket()?;
        let client::Answer { text, body, .. } = match &self.verb {
            Verb::Plan => client::ask(&socket, Method::GET, PATH, None)?,
            Verb::Test { recipient } => {
                let request = json!({ "recipient": recipient });
                client::ask(&socket, Method::POST, &format!("{PATH}/test"), Some(&request))?
            }
        };
        let (described, is_good) = match self.verb {
            Verb::Plan => (plan(&body), true),
            Verb::Test { .. } => tested(&body),
        };
        print(if self.json { &text } else { &described });
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
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
