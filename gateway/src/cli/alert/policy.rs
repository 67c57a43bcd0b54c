//! `fleetgate alert policy`

use clap::Subcommand;
use serde_json::{Value, json};

use super::super::resource::{Api, tell, text};
use super::webhook;
use crate::model::alert::{ALERT_TYPE, Threshold};

const PATH: &str = "alerting/v3/policies";

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List policies, those of the file too: who is told, and how many days before.
    #[command(after_help = "Example:\n  fleetgate alert policy list --json")]
    List,
    /// Have somebody told before certificates expire.
    #[command(
        after_help = "Examples:\n  fleetgate alert policy add \"Device CAs\" --webhook operations\n  fleetgate alert policy add Night --webhook pager --email operations@example.com --days 7,1,0"
    )]
    Add {
        /// What it is called.
        name: String,
        /// A webhook that is told, by its id or name. Can be given several times.
        #[arg(long = "webhook", value_name = "WEBHOOK", required_unless_present = "emails")]
        webhooks: Vec<String>,
        /// An address that is told by mail; the configuration has to have [alert.smtp]. Can be given several times.
        #[arg(long = "email", value_name = "ADDRESS")]
        emails: Vec<String>,
        /// How many days before the end, from 1 to 365, or 0 for when it has expired; without it, 30 and 14.
        #[arg(long, value_name = "DAYS", value_delimiter = ',')]
        days: Vec<Threshold>,
    },
    /// Remove a policy.
    #[command(after_help = "Example:\n  fleetgate alert policy rm \"Device CAs\"", alias = "remove")]
    Rm {
        /// Its id or name.
        policy: String,
    },
}

impl Verb {
    pub(super) fn ask(&self, api: &Api<'_>) -> Result<Value, String> {
        match self {
            Self::List => Ok(Value::Array(api.list(PATH)?)),
            Self::Add { name, webhooks, emails, days } => {
                let webhooks: Vec<_> = webhooks
                    .iter()
                    .map(|named| api.find(webhook::PATH, named).map(|it| json!({ "id": text(&it, "id") })))
                    .collect::<Result<_, _>>()?;
                let emails: Vec<_> = emails.iter().map(|address| json!({ "id": address })).collect();
                let days: Vec<_> = days.iter().map(ToString::to_string).collect();
                let filters = if days.is_empty() { json!({}) } else { json!({ "days": days }) };
                let body = json!({
                    "name": name, "alert_type": ALERT_TYPE, "enabled": true, "filters": filters,
                    "mechanisms": { "webhooks": webhooks, "email": emails },
                });
                api.create(PATH, &body)
            }
            Self::Rm { policy } => api.remove(PATH, policy),
        }
    }
}

pub(super) fn describe(result: &Value) -> String {
    let row = |it: &Value| {
        let state = if it["enabled"] == false { "off" } else { "on" };
        vec![text(it, "id"), text(it, "name"), state.to_owned(), days(it), recipients(it)]
    };
    tell(result, &["ID", "NAME", "STATE", "DAYS", "RECIPIENTS"], row)
}

fn days(policy: &Value) -> String {
    let of = |day: &Value| day.as_str().map_or_else(|| day.to_string(), str::to_owned);
    let given = policy.pointer("/filters/days").and_then(Value::as_array);
    let days = given.map_or_else(
        || Threshold::DEFAULT.iter().map(ToString::to_string).collect(),
        |days| days.iter().map(of).collect::<Vec<_>>(),
    );
    days.join(" ")
}

/// As alerts name them: `webhook:ID` and `email:ADDRESS`.
fn recipients(policy: &Value) -> String {
    let mechanisms = policy["mechanisms"].as_object().into_iter().flatten();
    let all = mechanisms.flat_map(|(mechanism, recipients)| {
        let word = if mechanism == "email" { "email" } else { "webhook" };
        let recipients = recipients.as_array().into_iter().flatten();
        recipients.map(move |recipient| format!("{word}:{}", text(recipient, "id")))
    });
    all.collect::<Vec<_>>().join(" ")
}
