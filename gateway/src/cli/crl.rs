//! `fleetgate crl`

pub(super) mod inspect;
mod push;
mod seen;
mod status;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use http::Method;

use super::ConfigFile;

/// The arguments of `fleetgate crl`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate crl verify devices.crl --ca ca.pem\n  fleetgate crl inspect devices.crl --ca ca.pem\n  fleetgate crl push --ca \"Device CA\" devices.crl\n  fleetgate crl status --json"
)]
pub(super) struct Crl {
    #[command(flatten)]
    config: ConfigFile,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what a CRL file holds, before it is put in place. Where a gateway runs, say how many of the devices that it
    /// has seen are listed. Exit status 1 when the file is no CRL, or not one of the CA's.
    #[command(after_help = "Example:\n  fleetgate crl inspect devices.crl --ca ca.pem --json")]
    Inspect {
        /// The CRL: DER, PEM, or base64 as `cfssl gencrl` prints it.
        file: PathBuf,
        /// The CA's certificate or chain, as PEM: checks the signature.
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
    },
    /// Say whether a CRL is one that a gateway with this CA would take: well-formed, signed by it, and not overdue. Where
    /// a gateway runs, say how many of the devices that it has seen are listed. Exit status 1 when it would not take it.
    #[command(after_help = "Example:\n  fleetgate crl verify devices.crl --ca ca.pem")]
    Verify {
        /// The CRL: DER, PEM, or base64 as `cfssl gencrl` prints it.
        file: PathBuf,
        /// The CA's certificate or chain, as PEM.
        #[arg(long, value_name = "FILE")]
        ca: PathBuf,
    },
    /// Put a CRL in force at the running gateway, without a file or URL in its configuration. It takes the place of what was
    /// pushed for the same CA before, and outlives a restart where `server.state_dir` is set. Exit status 1 when it is not
    /// accepted or could not be kept.
    #[command(after_help = "Example:\n  fleetgate crl push --ca \"Device CA\" devices.crl")]
    Push {
        /// The name of the mTLS certificate with the CA that signed it.
        #[arg(long, value_name = "NAME")]
        ca: String,
        /// The CRL: DER, PEM, or base64 as `cfssl gencrl` prints it.
        file: PathBuf,
    },
    /// Take back every CRL that was pushed for a CA. Exit status 1 when there is none.
    #[command(after_help = "Example:\n  fleetgate crl remove --ca \"Device CA\"")]
    Remove {
        /// The name of the mTLS certificate.
        #[arg(long, value_name = "NAME")]
        ca: String,
    },
    /// Have the running gateway forget which CRL of a CA was the newest, and load again whatever its files and URLs have: for
    /// a CA that has started its numbers again. Exit status 1 when one of them did not load.
    #[command(after_help = "Example:\n  fleetgate crl forget --ca \"Device CA\"")]
    Forget {
        /// The name of the mTLS certificate.
        #[arg(long, value_name = "NAME")]
        ca: String,
    },
    /// Have the running gateway look at every CRL file and URL now. Exit status 1 when one of them did not load.
    #[command(after_help = "Example:\n  fleetgate crl reload")]
    Reload,
    /// The CRLs of the running gateway: entries, number, when the next one is due, file, URL or `api`.
    #[command(after_help = "Example:\n  fleetgate crl status --json")]
    Status,
}

impl Crl {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        match &self.verb {
            Verb::Inspect { file, ca } => {
                inspect::inspect(file, ca.as_deref(), self.config.admin_socket(), self.json)
            }
            Verb::Verify { file, ca } => verify::verify(file, ca, self.config.admin_socket(), self.json),
            Verb::Push { ca, file } => push::push(&self.config.admin_socket()?, ca, file, self.json),
            Verb::Remove { ca } => push::remove(&self.config.admin_socket()?, ca, self.json),
            Verb::Forget { ca } => status::status(
                &self.config.admin_socket()?,
                Method::DELETE,
                &format!("{}/newest", push::resource(ca)),
                self.json,
            ),
            Verb::Reload => status::status(
                &self.config.admin_socket()?,
                Method::POST,
                "/fleetgate/v1/crls/reload",
                self.json,
            ),
            Verb::Status => {
                status::status(&self.config.admin_socket()?, Method::GET, "/fleetgate/v1/crls", self.json)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// A time for people.
pub(super) fn time(seconds: u64) -> String {
    match SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) {
        // What is beyond cannot be written, and is never.
        Some(at) if seconds < 253_402_300_800 => humantime::format_rfc3339_seconds(at).to_string(),
        _ => "never".to_owned(),
    }
}

/// When the next CRL is due, for people.
fn due(next_update: Option<u64>, expired: bool) -> String {
    match next_update {
        None => "never".to_owned(),
        Some(due) => time(due) + if expired { " EXPIRED" } else { "" },
    }
}
