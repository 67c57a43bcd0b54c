//! `fleetgate cert`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::super::ConfigFile;
use super::{Api, show, tell, text, texts};

const PATH: &str = "access/certificates";

/// The arguments of `fleetgate cert`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate cert list\n  fleetgate cert add ca.pem --name \"Device CA\" --host iot.example.com\n  fleetgate cert rm \"Device CA\""
)]
pub(in super::super) struct Cert {
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
    /// List mTLS certificates, those of the file too.
    #[command(after_help = "Example:\n  fleetgate cert list --json")]
    List,
    /// Add an mTLS certificate.
    #[command(
        after_help = "Example:\n  fleetgate cert add ca.pem --name \"Device CA\" --host iot.example.com"
    )]
    Add {
        /// A PEM file with a root; with an intermediate and its root; or with intermediates alone.
        file: PathBuf,
        /// What it is called.
        #[arg(long)]
        name: String,
        /// A hostname that trusts it. Can be given several times.
        #[arg(long = "host", value_name = "NAME")]
        hosts: Vec<String>,
    },
    /// Give an mTLS certificate other hostnames; without any, nobody trusts it.
    #[command(after_help = "Example:\n  fleetgate cert hosts \"Device CA\" iot.example.com")]
    Hosts {
        /// Its id or name.
        certificate: String,
        /// Its hostnames.
        hosts: Vec<String>,
    },
    /// Remove an mTLS certificate, its hostnames first.
    #[command(after_help = "Example:\n  fleetgate cert rm \"Device CA\"", alias = "remove")]
    Rm {
        /// Its id or name.
        certificate: String,
    },
}

impl Cert {
    pub(in super::super) fn run(&self) -> Result<ExitCode, String> {
        let socket = self.config.admin_socket()?;
        let api = Api::at(&socket)?;
        let result = match &self.verb {
            Verb::List => Value::Array(api.list(PATH)?),
            Verb::Add { file, name, hosts } => {
                let pem = std::fs::read_to_string(file)
                    .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
                let body = json!({ "name": name, "certificate": pem, "associated_hostnames": hosts });
                api.ask(Method::POST, PATH, Some(&body))?
            }
            Verb::Hosts { certificate, hosts } => associate(&api, certificate, hosts)?,
            Verb::Rm { certificate } => {
                let known = associate(&api, certificate, &[])?;
                api.ask(Method::DELETE, &format!("{PATH}/{}", text(&known, "id")), None)?
            }
        };
        Ok(show(&result, self.json, describe))
    }
}

fn associate(api: &Api<'_>, certificate: &str, hosts: &[String]) -> Result<Value, String> {
    let id = text(&api.find(PATH, certificate)?, "id");
    api.ask(Method::PUT, &format!("{PATH}/{id}"), Some(&json!({ "associated_hostnames": hosts })))
}

fn describe(result: &Value) -> String {
    let row = |it: &Value| {
        vec![text(it, "id"), text(it, "name"), text(it, "expires_on"), texts(it, "associated_hostnames")]
    };
    tell(result, &["ID", "NAME", "EXPIRES", "HOSTS"], row)
}
