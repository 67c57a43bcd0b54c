//! `fleetgate group`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::super::ConfigFile;
use super::rules::{self, Rules};
use super::{Api, show, tell, text};

const PATH: &str = "access/groups";

/// The arguments of `fleetgate group`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate group list\n  fleetgate group add inside --include ip=192.0.2.0/24 --include ip=2001:db8::/32\n  fleetgate group rm inside"
)]
pub(in super::super) struct Group {
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
    /// List rule groups, those of the file too.
    #[command(after_help = "Example:\n  fleetgate group list --json")]
    List,
    /// Add a group; policies and other groups name it by the rule group=NAME.
    #[command(
        after_help = "Example:\n  fleetgate group add inside --include ip=192.0.2.0/24 --include ip=2001:db8::/32"
    )]
    Add {
        /// What it is called.
        name: String,
        #[command(flatten)]
        rules: Rules,
    },
    /// Remove a group that no rule names.
    #[command(after_help = "Example:\n  fleetgate group rm inside", alias = "remove")]
    Rm {
        /// Its id or name.
        group: String,
    },
}

impl Group {
    pub(in super::super) fn run(&self) -> Result<ExitCode, String> {
        let socket = self.config.admin_socket()?;
        let api = Api::at(&socket)?;
        let result = match &self.verb {
            Verb::List => Value::Array(api.list(PATH)?),
            Verb::Add { name, rules } => {
                api.ask(Method::POST, PATH, Some(&Value::Object(rules.named(name))))?
            }
            Verb::Rm { group } => api.remove(PATH, group)?,
        };
        Ok(show(&result, self.json, describe))
    }
}

fn describe(result: &Value) -> String {
    let row = |it: &Value| vec![text(it, "id"), text(it, "name"), rules::describe(it)];
    tell(result, &["ID", "NAME", "RULES"], row)
}
