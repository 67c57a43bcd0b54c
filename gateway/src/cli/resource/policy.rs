//! `fleetgate policy list`, `add` and `rm`: policies that applications share.

use std::process::ExitCode;

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use http::Method;
use serde_json::{Value, json};

use super::super::ConfigFile;
use super::rules::{self, Rules};
use super::{Api, show, tell, text};

pub(super) const PATH: &str = "access/policies";

/// What a policy may decide.
const DECISIONS: [&str; 4] = ["allow", "bypass", "deny", "non_identity"];

// The verbs about policies that are stored.
#[derive(Debug, Subcommand)]
pub(in super::super) enum PolicyVerb {
    /// List the policies that applications share, those of the file too. An application's own are with it: `fleetgate app list`.
    #[command(after_help = "Example:\n  fleetgate policy list --json")]
    List,
    /// Add a policy for applications to share: `fleetgate app add DOMAIN --policy NAME`, or `fleetgate app policies`.
    #[command(
        after_help = "Examples:\n  fleetgate policy add devices --include certificate\n  fleetgate policy add plant --include common_name=pump-1 --include common_name=pump-2 --require ip=192.0.2.0/24\n  fleetgate policy add strangers --decision deny --include '{\"geo\": {\"country_code\": [\"AQ\", \"BV\"]}}'"
    )]
    Add {
        /// What it is called.
        name: String,
        /// What it decides when its rules hold: `non_identity` lets devices pass by their certificates.
        #[arg(long, default_value = "non_identity", value_parser = PossibleValuesParser::new(DECISIONS))]
        decision: String,
        #[command(flatten)]
        rules: Rules,
    },
    /// Remove a policy that no application has.
    #[command(after_help = "Example:\n  fleetgate policy rm devices", alias = "remove")]
    Rm {
        /// Its id or name.
        policy: String,
    },
}

impl PolicyVerb {
    /// Does what is asked for.
    ///
    /// # Errors
    /// No gateway answers, or it refuses.
    pub(in super::super) fn run(&self, config: &ConfigFile, json: bool) -> Result<ExitCode, String> {
        let socket = config.admin_socket()?;
        Ok(show(&self.ask(&Api::at(&socket)?)?, json, describe))
    }

    fn ask(&self, api: &Api<'_>) -> Result<Value, String> {
        match self {
            Self::List => Ok(Value::Array(api.list(PATH)?)),
            Self::Add { name, decision, rules } => {
                let mut body = rules.named(name);
                body.insert("decision".to_owned(), json!(decision));
                api.ask(Method::POST, PATH, Some(&Value::Object(body)))
            }
            Self::Rm { policy } => api.remove(PATH, policy),
        }
    }
}

fn describe(result: &Value) -> String {
    let row = |it: &Value| {
        let users = it.get("app_count").map(Value::to_string).unwrap_or_default();
        vec![text(it, "id"), text(it, "name"), text(it, "decision"), users, rules::describe(it)]
    };
    tell(result, &["ID", "NAME", "DECISION", "APPS", "RULES"], row)
}
