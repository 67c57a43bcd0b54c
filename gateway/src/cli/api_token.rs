//! `fleetgate api-token`

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::table::table;
use super::{ConfigFile, client, print};

const PATH: &str = "/fleetgate/v1/api-tokens";

/// The arguments of `fleetgate api-token`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate api-token create terraform\n  fleetgate api-token create dashboard --scope certificates:read --scope access:read --expires-in 90d\n  fleetgate api-token list"
)]
pub(super) struct ApiToken {
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
    /// Issue a token, and print it: it is told once.
    #[command(after_help = "Example:\n  fleetgate api-token create terraform --scope certificates:edit")]
    Create {
        /// What it is for. It is named in the audit log.
        name: String,
        /// What it may, as AREA:read or AREA:edit; areas are certificates, access, transforms, alerting, gateway and all.
        /// Can be given several times; without it, all:edit.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// How long it counts, as 90d or 12h; without it, until it is revoked.
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        expires_in: Option<Duration>,
    },
    /// List tokens: id, name, what they may, and until when.
    #[command(after_help = "Example:\n  fleetgate api-token list --json")]
    List,
    /// Revoke a token: it counts no more from now on.
    #[command(after_help = "Example:\n  fleetgate api-token revoke f174e90a-fafe-4643-bbbc-4a0ed4fc8415")]
    Revoke {
        /// Its id.
        id: String,
    },
}

impl ApiToken {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let (method, path, body) = match &self.verb {
            Verb::Create { name, scopes, expires_in } => {
                let end = expires_in.map(|time| now().saturating_add(time.as_secs()));
                let scopes = Some(scopes).filter(|scopes| !scopes.is_empty());
                let body = json!({ "name": name, "scopes": scopes, "expires_at": end });
                (Method::POST, PATH.to_owned(), Some(body))
            }
            Verb::List => (Method::GET, PATH.to_owned(), None),
            Verb::Revoke { id } => (Method::DELETE, format!("{PATH}/{}", client::segment(id)), None),
        };
        let client::Answer { text, body, .. } =
            client::ask(&self.config.admin_socket()?, method, &path, body.as_ref())?;
        print(&if self.json { text } else { self.verb.describe(&body) });
        Ok(ExitCode::SUCCESS)
    }
}

impl Verb {
    fn describe(&self, reply: &Value) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self {
            Self::Create { .. } => text(&reply["token"]),
            Self::Revoke { id } => format!("revoked {id}"),
            Self::List => {
                let row = |token: &Value| {
                    let scopes: Vec<_> =
                        token["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                    let end =
                        token["expires_at"].as_u64().map_or_else(|| "never".to_owned(), super::crl::time);
                    vec![text(&token["id"]), text(&token["name"]), scopes.join(" "), end]
                };
                let rows: Vec<_> = reply["tokens"].as_array().into_iter().flatten().map(row).collect();
                table(&["ID", "NAME", "SCOPES", "EXPIRES"], &rows)
            }
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
