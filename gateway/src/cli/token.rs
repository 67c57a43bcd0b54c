//! `fleetgate token`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ConfigFile, client, print};

const KEYS: &str = "/fleetgate/v1/access/keys";

/// The arguments of `fleetgate token`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate token show --json\n  fleetgate token rotate-keys\n  fleetgate token revoke --app 737646a56ab1df6ec9bddc7e5ca84eaf3b0768850f3ffb5d74f1534911fe3893"
)]
pub(super) struct Token {
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
    /// Revoke all tokens of an application that were issued up to now. A device that policy still permits gets a new one
    /// with its next request.
    #[command(
        after_help = "Example:\n  fleetgate token revoke --app 737646a56ab1df6ec9bddc7e5ca84eaf3b0768850f3ffb5d74f1534911fe3893"
    )]
    Revoke {
        /// The application's AUD tag.
        #[arg(long = "app", value_name = "AUD")]
        app: String,
    },
    /// Have a new key sign tokens from now on. Tokens of the one before count for another week; of the one before that,
    /// no more: after a theft, rotate twice.
    #[command(after_help = "Example:\n  fleetgate token rotate-keys")]
    RotateKeys,
    /// The keys: id, when it was made, until when its tokens count; and the applications whose tokens were revoked.
    #[command(after_help = "Example:\n  fleetgate token show --json")]
    Show,
}

impl Token {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let (method, path, body) = match &self.verb {
            Verb::Revoke { app } => {
                (Method::POST, "/fleetgate/v1/access/revoke".to_owned(), Some(json!({ "aud": app })))
            }
            Verb::RotateKeys => (Method::POST, format!("{KEYS}/rotate"), None),
            Verb::Show => (Method::GET, KEYS.to_owned(), None),
        };
        let client::Answer { status, text, body } =
            client::ask(&self.config.admin_socket()?, method, &path, body.as_ref())?;
        if self.json {
            print(&text);
        } else {
            print(&self.verb.describe(&body));
        }
        Ok(if status == StatusCode::OK { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Verb {
    fn describe(&self, reply: &Value) -> String {
        match self {
            Self::Revoke { .. } => revoked(reply),
            Self::RotateKeys | Self::Show => keys(reply),
        }
    }
}

fn revoked(reply: &Value) -> String {
    let (aud, forgotten) = (reply["aud"].as_str().unwrap_or("?"), &reply["forgotten"]);
    let mut lines =
        vec![format!("revoked the tokens of {aud} up to {}; forgot {forgotten}", time(&reply["at"]))];
    lines.extend(reply["problem"].as_str().map(|problem| format!("WARNING {problem}")));
    lines.join("\n")
}

fn keys(reply: &Value) -> String {
    let key = |key: &Value| {
        let state = if key["signs"] == true {
            format!("signs until {}", time(&reply["next_rotation"]))
        } else {
            format!("counts until {}", time(&key["until"]))
        };
        format!("key {}  made {}  {state}", key["kid"].as_str().unwrap_or("?"), time(&key["created"]))
    };
    let revoked = |revoked: &Value| {
        format!("revoked {}  up to {}", revoked["aud"].as_str().unwrap_or("?"), time(&revoked["at"]))
    };
    let list = |name: &str| reply[name].as_array().into_iter().flatten();
    let mut lines: Vec<_> = list("keys").map(key).chain(list("revoked").map(revoked)).collect();
    if reply["kept"] != true {
        lines.push(
            "WARNING server.state_dir is not set: keys and revocations live until the gateway stops"
                .to_owned(),
        );
    }
    lines.join("\n")
}

fn time(seconds: &Value) -> String {
    super::crl::time(seconds.as_u64().unwrap_or(0))
}
