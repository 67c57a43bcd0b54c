//! `fleetgate service-token`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::super::ConfigFile;
use super::{Api, show, tell, text};

const PATH: &str = "access/service_tokens";

/// The arguments of `fleetgate service-token`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate service-token create ci --duration 2160h\n  fleetgate service-token list\n  fleetgate service-token rotate ci"
)]
pub(in super::super) struct ServiceToken {
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
    /// List service tokens, those of the file too: id, name, client id, and until when they count.
    #[command(after_help = "Example:\n  fleetgate service-token list --json")]
    List,
    /// Issue a service token, and print the headers that a program sends with it: the secret is told once. Policies name it by
    /// the rule `service_token=NAME`.
    #[command(after_help = "Example:\n  fleetgate service-token create ci --duration 2160h")]
    Create {
        /// What it is called.
        name: String,
        /// How long it counts, as 2160h, or forever; without it, a year.
        #[arg(long, value_name = "TIME")]
        duration: Option<String>,
    },
    /// Have a service token count as long again, from now on.
    #[command(after_help = "Example:\n  fleetgate service-token refresh ci")]
    Refresh {
        /// Its id or name.
        token: String,
    },
    /// Give a service token another secret, and print it: it is told once, and the one before counts no more.
    #[command(after_help = "Example:\n  fleetgate service-token rotate ci")]
    Rotate {
        /// Its id or name.
        token: String,
    },
    /// Revoke a service token: it counts no more from now on. One that a rule names has to be taken from there first.
    #[command(after_help = "Example:\n  fleetgate service-token revoke ci")]
    Revoke {
        /// Its id or name.
        token: String,
    },
}

impl ServiceToken {
    pub(in super::super) fn run(&self) -> Result<ExitCode, String> {
        let socket = self.config.admin_socket()?;
        let api = Api::at(&socket)?;
        let post = |token: &str, what: &str| {
            let id = text(&api.find(PATH, token)?, "id");
            api.ask(Method::POST, &format!("{PATH}/{id}/{what}"), None)
        };
        let result = match &self.verb {
            Verb::List => Value::Array(api.list(PATH)?),
            Verb::Create { name, duration } => {
                api.ask(Method::POST, PATH, Some(&json!({ "name": name, "duration": duration })))?
            }
            Verb::Refresh { token } => post(token, "refresh")?,
            Verb::Rotate { token } => post(token, "rotate")?,
            Verb::Revoke { token } => api.remove(PATH, token)?,
        };
        Ok(show(&result, self.json, |result| self.verb.describe(result)))
    }
}

impl Verb {
    fn describe(&self, result: &Value) -> String {
        match self {
            Self::Create { .. } | Self::Rotate { .. } => format!(
                "CF-Access-Client-Id: {}\nCF-Access-Client-Secret: {}",
                text(result, "client_id"),
                text(result, "client_secret")
            ),
            Self::Revoke { .. } => format!("revoked {}", text(result, "id")),
            Self::List | Self::Refresh { .. } => {
                let end = |it: &Value| match text(it, "expires_at") {
                    none if none.is_empty() => "never".to_owned(),
                    end => end,
                };
                let row = |it: &Value| vec![text(it, "id"), text(it, "name"), text(it, "client_id"), end(it)];
                tell(result, &["ID", "NAME", "CLIENT ID", "EXPIRES"], row)
            }
        }
    }
}
