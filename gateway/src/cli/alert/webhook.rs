//! `fleetgate alert webhook`

use std::path::{Path, PathBuf};

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use super::super::resource::{Api, tell, text};
use crate::model::alert::Shape;

pub(super) const PATH: &str = "alerting/v3/destinations/webhooks";

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List webhooks, those of the file too, and when each took a message last, or failed to.
    #[command(after_help = "Example:\n  fleetgate alert webhook list --json")]
    List,
    /// Add a webhook. A test message is sent to it; `fleetgate alert webhook list` says whether it arrived.
    #[command(
        after_help = "Examples:\n  fleetgate alert webhook add operations https://hooks.example.com/certificates --secret-file webhook-secret\n  fleetgate alert webhook add pager https://events.pagerduty.com/v2/enqueue --secret-file routing-key"
    )]
    Add {
        /// What it is called.
        name: String,
        /// Where it is.
        url: String,
        /// What is read there; otherwise as the URL's host says, or Cloudflare's JSON.
        #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(Shape::WORDS.map(|(word, _)| word)))]
        shape: Option<String>,
        /// The first line of this file is what it knows us by: the header cf-webhook-auth, or the routing key of
        /// `PagerDuty`.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Remove a webhook that no policy tells.
    #[command(after_help = "Example:\n  fleetgate alert webhook rm operations", alias = "remove")]
    Rm {
        /// Its id or name.
        webhook: String,
    },
}

impl Verb {
    pub(super) fn ask(&self, api: &Api<'_>) -> Result<Value, String> {
        match self {
            Self::List => Ok(Value::Array(api.list(PATH)?)),
            Self::Add { name, url, shape, secret_file } => {
                let secret = secret_file.as_deref().map(first_line).transpose()?;
                let body = json!({ "name": name, "url": url, "type": shape, "secret": secret });
                api.create(PATH, &body)
            }
            Self::Rm { webhook } => api.remove(PATH, webhook),
        }
    }
}

/// A secret is in no argument: everybody on the machine can read those.
fn first_line(file: &Path) -> Result<String, String> {
    let read = std::fs::read_to_string(file);
    let read = read.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    match read.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(format!("{} has no secret on its first line", file.display())),
    }
}

pub(super) fn describe(result: &Value) -> String {
    let row = |it: &Value| {
        ["id", "name", "type", "url", "last_success", "last_failure"].map(|key| text(it, key)).into()
    };
    tell(result, &["ID", "NAME", "TYPE", "URL", "LAST SUCCESS", "LAST FAILURE"], row)
}
