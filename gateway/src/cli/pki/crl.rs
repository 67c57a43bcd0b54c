//! `fleetgate pki crl`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand, ValueEnum};
use rustls::pki_types::CertificateDer;
use serde_json::json;

use super::ca_files::CaFiles;
use super::device::days;
use super::issued::serial;
use super::said;
use crate::cli::crl::{inspect, time};
use crate::cli::print;
use crate::device::revocation::{Entry, Issuer, Reason, Serial, envelope};
use crate::device::{pem as pem_file, revocation};
use crate::pki::crl::serials::{self, Radix};
use crate::pki::crl::{LIFE, List, now};
use crate::pki::write::{self, Output, Turn};
use crate::pki::{Authority, pem};

/// The arguments of `fleetgate pki crl`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate pki crl new\n  fleetgate pki crl add ca.crl --revoke pump-17.pem\n  fleetgate pki crl show ca.crl --ca ca.pem"
)]
pub(super) struct Crl {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a CA's first CRL; it may list nobody yet.
    #[command(
        after_help = "Examples:\n  fleetgate pki crl new --out devices.crl\n  fleetgate pki crl new --out devices.crl --revoke pump-17.pem --reason keyCompromise\n  fleetgate pki crl new --out devices.crl --serials-file serials.txt --days 30"
    )]
    New {
        /// The CRL's file.
        #[arg(long, value_name = "FILE", default_value = "ca.crl")]
        out: PathBuf,
        /// How the file is written.
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
        format: Format,
        /// Replace a file that exists.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        entries: Entries,
        #[command(flatten)]
        common: Common,
    },
    /// Make the CRL that follows one: with its entries, new ones, a higher number and a new date. The file is replaced, in
    /// the format that it has.
    #[command(
        after_help = "Examples:\n  fleetgate pki crl add devices.crl --revoke pump-17.pem --reason superseded\n  fleetgate pki crl add devices.crl --serial 0A1B\n  fleetgate pki crl add devices.crl"
    )]
    Add {
        /// The CRL's file.
        file: PathBuf,
        #[command(flatten)]
        entries: Entries,
        #[command(flatten)]
        common: Common,
    },
    /// Say what a CRL's file holds. Exit status 1 when the CA did not sign it.
    #[command(after_help = "Example:\n  fleetgate pki crl show devices.crl --ca ca.pem")]
    Show {
        /// The CRL: DER, PEM, or base64.
        file: PathBuf,
        /// The CA's certificate: checks the signature.
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Who is revoked, and why.
#[derive(Debug, Args)]
struct Entries {
    /// A certificate of the CA's.
    #[arg(long, value_name = "CERT")]
    revoke: Vec<PathBuf>,
    /// A serial number in hexadecimal, as `openssl x509 -serial` prints it.
    #[arg(long, value_name = "HEX")]
    serial: Vec<Serial>,
    /// A file with a serial number a line, and perhaps the reason behind it.
    #[arg(long, value_name = "FILE")]
    serials_file: Option<PathBuf>,
    /// How bare digits in that file are read, where it does not tell.
    #[arg(long, value_enum, value_name = "RADIX", requires = "serials_file")]
    serials: Option<Radix>,
    /// Why, for all that have no reason of their own: keyCompromise, superseded, cessationOfOperation, …
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: Option<Reason>,
}

#[derive(Debug, Args)]
struct Common {
    /// In how many days the next CRL is due.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
    #[command(flatten)]
    ca: CaFiles,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How a CRL is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As it is.
    #[default]
    Der,
    /// With `-----BEGIN X509 CRL-----`.
    Pem,
    /// As `cfssl gencrl` prints it.
    Base64,
}

fn reason(text: &str) -> Result<Reason, String> {
    let known = || Reason::ALL.map(Reason::label).join(", ");
    Reason::named(text).ok_or_else(|| format!("not a reason; {} are", known()))
}

impl Crl {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        match &self.verb {
            Verb::New { out, format, force, entries, common } => {
                let ca = common.ca.load()?;
                let _turn = force.then(|| Turn::wait(out)).transpose().map_err(said)?;
                let mut list = List::new(now(), common.life()).map_err(said)?;
                // A gateway takes no older list than it has, so that numbers go on also where the clock went back.
                if *force && let Ok((next, _)) = following(out, out, &ca, common.life()) {
                    list.number = next.number;
                }
                let target = Target { given: out, path: out, format: *format, force: *force };
                common.finish(list, entries, &ca, &target)
            }
            Verb::Add { file, entries, common } => {
                let ca = common.ca.load()?;
                // Where a link leads is what a gateway reads.
                let path = &fs::canonicalize(file).map_err(|error| unreadable(file, &error))?;
                // Of two that add at the same time, one would be lost.
                let _turn = Turn::wait(path).map_err(said)?;
                let (list, format) = following(path, file, &ca, common.life())?;
                common.finish(list, entries, &ca, &Target { given: file, path, format, force: true })
            }
            Verb::Show { file, ca, json } => inspect::show(file, ca.as_deref(), *json),
        }
    }
}

/// Where a CRL goes.
struct Target<'a> {
    /// The file as somebody called it.
    given: &'a Path,
    /// The file.
    path: &'a Path,
    format: Format,
    /// Whether to replace one that is there.
    force: bool,
}

fn unreadable(file: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", file.display())
}

/// The CRL that follows the one at `path`, which is `given` in errors, and the format of that.
fn following(path: &Path, given: &Path, ca: &Authority, life: Duration) -> Result<(List, Format), String> {
    let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", given.display());
    let bytes = fs::read(path).map_err(|error| unreadable(given, &error))?;
    let lists = envelope::decode(&bytes, bytes.len()).map_err(|error| of_file(&error))?;
    let [der] = lists.as_slice() else { return Err(of_file(&"there are several CRLs in it; give one")) };
    let list = List::after(der, ca, now(), life).map_err(|error| of_file(&error))?;
    Ok((list, Format::of(&bytes)))
}

impl Format {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x30, ..] => Self::Der,
            text if text.trim_ascii_start().starts_with(b"-----BEGIN") => Self::Pem,
            _ => Self::Base64,
        }
    }

    fn encode(self, der: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Der => der,
            Self::Pem => pem::encode("X509 CRL", &der).as_bytes().to_vec(),
            Self::Base64 => (STANDARD.encode(der) + "\n").into_bytes(),
        }
    }
}

impl Common {
    fn life(&self) -> Duration {
        if self.days == 7 { LIFE } else { days(self.days) }
    }

    fn finish(
        &self,
        mut list: List,
        entries: &Entries,
        ca: &Authority,
        target: &Target<'_>,
    ) -> Result<ExitCode, String> {
        let added = list.add(entries.read(ca)?);
        let content = target.format.encode(list.sign(ca).map_err(said)?);
        let output = Output { path: target.path.to_owned(), content: &content, secret: false };
        write::write(&[output], target.force).map_err(said)?;
        let file = target.given;
        let (number, due) = (list.number.decimal().unwrap_or_default(), time(list.next_update));
        let (entries, path) = (list.entries.len(), file.display());
        print(&if self.json {
            json!({ "file": file, "number": number, "entries": entries, "added": added, "due": due })
                .to_string()
        } else {
            format!("{path}: number {number}, {entries} entries, {added} of them new, due {due}")
        });
        Ok(ExitCode::SUCCESS)
    }
}

impl Entries {
    fn read(&self, ca: &Authority) -> Result<Vec<Entry>, String> {
        let revoked_at = now().as_secs();
        let entry =
            |serial, reason: Option<Reason>| Entry { serial, revoked_at, reason: reason.or(self.reason) };
        let mut entries = Vec::new();
        for path in &self.revoke {
            entries.push(entry(of_certificate(path, ca)?, None));
        }
        entries.extend(self.serial.iter().map(|serial| entry(*serial, None)));
        if let Some(path) = &self.serials_file {
            let text = fs::read_to_string(path);
            let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            let listed = serials::read(&text, self.serials);
            let listed = listed.map_err(|error| format!("{}: {error}", path.display()))?;
            entries.extend(listed.into_iter().map(|listed| entry(listed.serial, listed.reason)));
        }
        Ok(entries)
    }
}

/// The serial number of a certificate that this CA issued: another CA's would be one of somebody else here.
fn of_certificate(path: &Path, ca: &Authority) -> Result<Serial, String> {
    let certificates = pem_file::certificates(path).map_err(said)?;
    let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let leaf: &CertificateDer<'_> =
        certificates.first().ok_or_else(|| of_file(&"there is no certificate"))?;
    let issuer = revocation::issuer_name(leaf).map_err(|error| of_file(&error))?;
    let own = Issuer::read(ca.certificate()).map_err(said)?.name;
    if issuer != own {
        return Err(of_file(&format!("`{issuer}` issued it, and not `{own}`, which is to sign the CRL")));
    }
    serial(leaf).ok_or_else(|| of_file(&"its serial number is too long"))
}
