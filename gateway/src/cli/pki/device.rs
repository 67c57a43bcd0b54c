//! `fleetgate pki device`, and what it has in common with others that issue

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use super::ca_files::CaFiles;
use super::issued::{Issued, Out};
use super::said;
use crate::cli::print_error;
use crate::pki::profile::Validity;
use crate::pki::request::Request;
use crate::pki::{Authority, Host, Key, KeyKind, Name, Profile, Subject};

/// The arguments of `fleetgate pki device`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  fleetgate pki device new pump-17")]
pub(super) struct Device {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a device's key and certificate, or only the certificate for a key that never left it (--csr).
    #[command(
        after_help = "Examples:\n  fleetgate pki device new pump-17\n  fleetgate pki device new pump-17 --subject O=Example,OU=Pumps --days 90 --json\n  fleetgate pki device new pump-17 --csr pump-17.csr --ca issuing.pem --ca-key issuing-key.pem"
    )]
    New {
        /// Its common name.
        name: String,
        /// A name, address or URI that its certificate is for, like `spiffe://example.com/pump/17`.
        #[arg(long = "host", value_name = "NAME")]
        hosts: Vec<String>,
        #[command(flatten)]
        leaf: Leaf,
    },
}

/// What devices and servers have in common.
#[derive(Debug, Args)]
pub(super) struct Leaf {
    /// The other parts of its name, like C=US,O=Example.
    #[arg(long, value_name = "PARTS")]
    pub(super) subject: Option<String>,
    /// What key to make.
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    key: KeyKind,
    /// A certificate signing request, in place of a new key. Of what it asks for, its key and its hosts count.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    csr: Option<PathBuf>,
    /// How many days it lasts, unless its CA ends before.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// Where the CRL is going to be, for clients that look there.
    #[arg(long, value_name = "URL")]
    crl_url: Option<String>,
    #[command(flatten)]
    ca: CaFiles,
    #[command(flatten)]
    out: Out,
}

impl Device {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let Verb::New { name, hosts, leaf } = &self.verb;
        let hosts = parse_hosts(hosts)?;
        let subject = Name::parse(leaf.subject.as_deref(), name).map_err(said)?;
        leaf.issue(name, Subject { name: subject, hosts }, Profile::device, Validity::DEVICE)
    }
}

/// Names as they are given.
pub(super) fn parse_hosts(hosts: &[String]) -> Result<Vec<Host>, String> {
    hosts.iter().map(|host| Host::strict(host)).collect::<Result<_, _>>().map_err(said)
}

impl Leaf {
    /// Issues a certificate and writes it; `usual` is how long it lasts unless somebody says otherwise.
    pub(super) fn issue(
        &self,
        name: &str,
        mut subject: Subject,
        profile: fn(Validity) -> Profile,
        usual: Duration,
    ) -> Result<ExitCode, String> {
        let ca = self.ca.load()?;
        let life = self.days.map_or(usual, days);
        let profile = profile(Validity::starting(OffsetDateTime::now_utc(), life));
        let profile = shortened(Profile { crl_url: self.crl_url.clone(), ..profile }, &ca);
        let chain = self.ca.chain()?;
        let (certificate, key) = if let Some(path) = &self.csr {
            let request = read_request(path)?;
            subject.hosts.extend(request.subject.hosts);
            (ca.issue(&subject, &request.key, &profile), None)
        } else {
            let key = Key::generate(self.key).map_err(said)?;
            (ca.issue(&subject, &key, &profile), Some(key.pem()))
        };
        let certificate = certificate.map_err(said)?;
        self.out.write(name, &Issued { certificate: &certificate, chain: &chain, key })
    }
}

fn read_request(path: &PathBuf) -> Result<Request, String> {
    let text = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Request::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// So many days.
pub(super) fn days(days: u32) -> Duration {
    Duration::from_hours(u64::from(days) * 24)
}

/// What outlives its CA would verify nowhere.
pub(super) fn shortened(mut profile: Profile, ca: &Authority) -> Profile {
    if profile.validity.not_after > ca.not_after() {
        profile.validity.not_after = ca.not_after();
        // One that has expired is told by whoever issues.
        if ca.check_not_expired().is_ok() {
            print_error(&format!("note: it ends with its CA, on {}", ca.not_after().date()));
        }
    }
    profile
}
