//! `fleetgate policy`

mod rehearsal;
mod report;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::resource::PolicyVerb;
use super::{ConfigFile, print, print_error};
use rehearsal::{Question, Rehearsal};

/// The arguments of `fleetgate policy`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Policy {
    #[command(flatten)]
    config: ConfigFile,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:\n  fleetgate policy test --cert device.pem --host iot.example.com --path /telemetry\n  fleetgate policy add devices --include certificate\n  fleetgate policy list";

const EXAMPLE: &str = "Example:\n  fleetgate policy test --cert device.pem --host iot.example.com --path /telemetry --ip 192.0.2.7";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Decide about a request as a gateway with this configuration would, and say how: which policies were asked, in
    /// which order, and which rule said what. Exit status 0 for a permit, 1 for a denial, 2 when it cannot be told.
    ///
    /// The certificate is verified for the host, CRL files and local denials included; nothing is fetched from URLs,
    /// and that the device holds its key is taken for granted.
    #[command(after_help = EXAMPLE)]
    Test(Test),
    #[command(flatten)]
    Stored(PolicyVerb),
}

#[derive(Debug, Args)]
struct Test {
    /// The device's certificate and its intermediates, as PEM, leaf first. Without it the device sends none.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The host that is asked for.
    #[arg(long, value_name = "NAME")]
    host: String,
    /// The path that is asked for, as it would be sent.
    #[arg(long = "path", value_name = "PATH", default_value = "/")]
    request_path: String,
    /// The address that the device comes from.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    ip: IpAddr,
    /// A service token that it shows, with the right secret: id, name or client id.
    #[arg(long, value_name = "ID")]
    service_token: Option<String>,
}

impl Policy {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        match &self.verb {
            Verb::Test(test) => Ok(test.run(&self.config, self.json).unwrap_or_else(|error| {
                print_error(&error);
                ExitCode::from(2)
            })),
            Verb::Stored(verb) => verb.run(&self.config, self.json),
        }
    }
}

impl Test {
    fn run(&self, config: &ConfigFile, json: bool) -> Result<ExitCode, String> {
        let rehearsal = Rehearsal::prepare(&config.path)?;
        let question = Question {
            host: self.host.parse().map_err(|error| format!("--host {}: {error}", self.host))?,
            path: self.request_path.split('?').next().unwrap_or_default(),
            chain: self.cert.as_deref(),
            source: self.ip,
            service_token: self.service_token.as_deref(),
        };
        let answer = rehearsal.ask(&question)?;
        print(&if json {
            format!("{:#}", report::json(&question, &answer))
        } else {
            report::text(&question, &answer)
        });
        Ok(if answer.permits() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
