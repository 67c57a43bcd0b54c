//! `fleetgate app`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::super::ConfigFile;
use super::{Api, policy, show, tell, text};

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
    /// Add an application, with one policy of its own: a valid certificate is enough, or one with a common name; or with
    /// policies that it shares.
    #[command(
        after_help = "Examples:\n  fleetgate app add iot.example.com/james --common-name \"James Royal\"\n  fleetgate app add iot.example.com --policy strangers --policy devices"
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
        /// A policy that it shares, by its id or name, instead of one of its own. Can be given several times: they are asked
        /// in this order.
        #[arg(long = "policy", value_name = "POLICY", conflicts_with = "common_name")]
        policies: Vec<String>,
    },
    /// Give an application these policies to share, in this order, and no others: its own are removed.
    #[command(after_help = "Example:\n  fleetgate app policies iot.example.com strangers devices")]
    Policies {
        /// Its id or name.
        application: String,
        /// Ids or names of policies; without any, nobody is let in.
        policies: Vec<String>,
    },
    /// Remove an application and its own policies.
    #[command(after_help = "Example:\n  fleetgate app rm iot.example.com", alias = "remove")]
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
            Verb::Add { domain, name, common_name, policies } => {
                let policies = match policies.as_slice() {
                    [] => json!([own(common_name.as_deref())]),
                    shared => ids(&api, shared)?,
                };
                let name = name.as_ref().unwrap_or(domain);
                let body =
                    json!({ "type": "self_hosted", "domain": domain, "name": name, "policies": policies });
                api.ask(Method::POST, PATH, Some(&body))?
            }
            Verb::Policies { application, policies } => {
                let mut body = api.find(PATH, application)?;
                let path = format!("{PATH}/{}", text(&body, "id"));
                let policies = ids(&api, policies)?;
                body.as_object_mut().and_then(|fields| fields.insert("policies".to_owned(), policies));
                api.ask(Method::PUT, &path, Some(&body))?
            }
            Verb::Rm { application } => api.remove(PATH, application)?,
        };
        Ok(show(&result, self.json, describe))
    }
}

/// A policy of an application's own.
fn own(common_name: Option<&str>) -> Value {
    let rule = match common_name {
        Some(name) => json!({ "common_name": { "common_name": name } }),
        None => json!({ "certificate": {} }),
    };
    json!({ "name": "devices", "decision": "non_identity", "include": [rule] })
}

/// The ids of policies that are named by id or name.
fn ids(api: &Api<'_>, named: &[String]) -> Result<Value, String> {
    let id = |name: &String| api.find(policy::PATH, name).map(|policy| text(&policy, "id"));
    named.iter().map(id).collect::<Result<Vec<_>, _>>().map(|ids| json!(ids))
}

fn describe(result: &Value) -> String {
    let policies = |it: &Value| {
        let all = it.get("policies").and_then(Value::as_array).into_iter().flatten();
        let said: Vec<_> =
            all.map(|policy| format!("{} ({})", text(policy, "name"), text(policy, "decision"))).collect();
        said.join(", ")
    };
    let row = |it: &Value| vec![text(it, "id"), text(it, "name"), text(it, "domain"), policies(it)];
    tell(result, &["ID", "NAME", "DOMAIN", "POLICIES"], row)
}
