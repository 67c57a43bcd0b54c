//! `fleetgate cache`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::{ConfigFile, client, print};
use crate::device::identity::{Fingerprint, NotAFingerprint};

const PATH: &str = "/fleetgate/v1/cache";

/// The arguments of `fleetgate cache`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate cache stats --json\n  fleetgate cache flush\n  fleetgate cache evict \"$(openssl x509 -in device.pem -noout -fingerprint -sha256)\""
)]
pub(super) struct Cache {
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
    /// Entries, hits, misses and evictions.
    #[command(after_help = "Example:\n  fleetgate cache stats --json")]
    Stats,
    /// Forget every device: each is verified again on its next handshake.
    #[command(after_help = "Example:\n  fleetgate cache flush")]
    Flush,
    /// Forget one device. To keep it out, deny it: `fleetgate device deny`.
    #[command(
        after_help = "Example:\n  fleetgate cache evict \"$(openssl x509 -in device.pem -noout -fingerprint -sha256)\""
    )]
    Evict {
        /// SHA-256 of its certificate in hexadecimal, as the access log and `openssl x509 -fingerprint` show it.
        fingerprint: String,
    },
}

impl Cache {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let (method, path) = match &self.verb {
            Verb::Stats => (Method::GET, PATH.to_owned()),
            Verb::Flush => (Method::DELETE, PATH.to_owned()),
            Verb::Evict { fingerprint } => {
                let fingerprint: Fingerprint =
                    fingerprint.parse().map_err(|error: NotAFingerprint| error.to_string())?;
                (Method::DELETE, format!("{PATH}/{}", fingerprint.hex()))
            }
        };
        let client::Answer { text, body, .. } =
            client::ask(&self.config.admin_socket()?, method, &path, None)?;
        if self.json {
            print(&text);
        } else {
            print(&self.verb.describe(&body));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Verb {
    fn describe(&self, reply: &Value) -> String {
        match self {
            Self::Stats => {
                let (entries, capacity) = (&reply["entries"], &reply["capacity"]);
                let (hits, misses, evictions) = (&reply["hits"], &reply["misses"], &reply["evictions"]);
                format!(
                    "{entries} of {capacity} verdicts, {hits} hits, {misses} misses, {evictions} evictions"
                )
            }
            Self::Flush | Self::Evict { .. } => format!("forgot {} verdicts", reply["evicted"]),
        }
    }
}
