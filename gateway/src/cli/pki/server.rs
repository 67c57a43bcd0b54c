//! `fleetgate pki server`

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::device::{Leaf, parse_hosts};
use super::said;
use crate::pki::profile::Validity;
use crate::pki::{Host, Name, Profile, Subject};

/// The longest common name (RFC 5280, appendix A).
const LONGEST: usize = 64;

/// The arguments of `fleetgate pki server`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  fleetgate pki server new iot.example.com")]
pub(super) struct Server {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a server's key and certificate.
    #[command(
        after_help = "Examples:\n  fleetgate pki server new iot.example.com\n  fleetgate pki server new iot.example.com '*.iot.example.com' 192.0.2.7 --ca server-ca.pem --ca-key server-ca-key.pem"
    )]
    New {
        /// The names and addresses that clients know it by; the files are named after the first.
        #[arg(required = true)]
        hosts: Vec<String>,
        #[command(flatten)]
        leaf: Leaf,
    },
}

impl Server {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let Verb::New { hosts: names, leaf } = &self.verb;
        let hosts = parse_hosts(names)?;
        let first = match hosts.first() {
            Some(host @ (Host::Dns(_) | Host::Ip(_))) => host.text(),
            other => {
                let other = other.map(Host::text).unwrap_or_default();
                return Err(format!(
                    "`{other}` is no host name and no IP address, which clients know a server by; what else it is called can stand behind"
                ));
            }
        };
        // Clients look at the alternative names alone; a name that is too long is left out here.
        let common_name = if first.len() <= LONGEST { first.as_str() } else { "" };
        let name = Name::parse(leaf.subject.as_deref(), common_name).map_err(said)?;
        let file = first.replacen("*.", "wildcard.", 1);
        leaf.issue(&file, Subject { name, hosts }, Profile::server, Validity::SERVER)
    }
}
