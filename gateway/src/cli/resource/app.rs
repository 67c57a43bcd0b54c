//! `fleetgate app`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::super::table::table;
use super::super::{ConfigFile, print};
use super::{Api, text};

const PATH: &str = "access/apps";

/// The arguments of `fleetgate app`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate app list\n  fleetgate app add iot.example.com --common-name \"James Royal\"\n  fleetgate app rm iot.example.com"
)]
pub(in super::super) struct App {
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
    /// List applications with their policies, those of the file too.
    #[command(after_help = "Example:\n  fleetgate app list --json")]
    List,
    /// Add an application with one policy: a valid certificate is enough, or one with a common name.
    #[command(
        after_help = "Example:\n  fleetgate app add iot.example.com/james --common-name \"James Royal\""
    )]
    Add {
        /// Where it is: a hostname, and perhaps a path.
        domain: String,
        /// What it is called; otherwise as its domain.
        #[arg(long)]
        name: Option<String>,
        /// The common name that certificates must have.
        #[arg(long, value_name = "NAME")]
        common_name: Option<String>,
    },
    /// Remove an application and its own policies.
    #[command(after_help = "Example:\n  fleetgate app rm iot.example.com")]
    Rm {
        /// Its id or name.
        application: String,
    },
}

impl App {
    pub(in super::super) fn run(&self) -> Result<ExitCode, String> {
        let socket = self.config.admin_socket()?;
        let api = Api::at(&socket)?;
        let result = match &self.verb {
            Verb::List => Value::Array(api.list(PATH)?),
            Verb::Add { domain, name, common_name } => {
                let rule = match common_name {
                    Some(name) => json!({ "common_name": { "common_name": name } }),
                    None => json!({ "certificate": {} }),
                };
                let policy = json!({ "name": "devices", "decision": "non_identity", "include": [rule] });
                let name = name.as_ref().unwrap_or(domain);
                let body =
                    json!({ "type": "self_hosted", "domain": domain, "name": name, "policies": [policy] });
                api.ask(Method::POST, PATH, Some(&body))?
            }
            Verb::Rm { application } => {
                let id = text(&api.find(PATH, application)?, "id");
                api.ask(Method::DELETE, &format!("{PATH}/{id}"), None)?
            }
        };
        print(&if self.json { result.to_string() } else { describe(&result) });
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(result: &Value) -> String {
    let policies = |it: &Value| {
        let all = it.get("policies").and_then(Value::as_array).into_iter().flatten();
        let said: Vec<_> =
            all.map(|policy| format!("{} ({})", text(policy, "name"), text(policy, "decision"))).collect();
        said.join(", ")
    };
    let row = |it: &Value| vec![text(it, "id"), text(it, "name"), text(it, "domain"), policies(it)];
    let rows: Vec<_> = match result {
        Value::Array(all) => all.iter().map(row).collect(),
        one if one.get("domain").is_some() => vec![row(one)],
        one => return format!("removed {}", text(one, "id")),
    };
    table(&["ID", "NAME", "DOMAIN", "POLICIES"], &rows)
}
