//! `fleetgate pki ca`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::ca_files;
use super::device::{days, shortened};
use super::issued::{Issued, Out};
use super::passphrase::{NewPassphrase, OldPassphrase};
use super::said;
use crate::pki::key::Passphrase;
use crate::pki::profile::{PathLength, Validity};
use crate::pki::{Authority, Key, KeyKind, Name, Profile, Signer, Subject};

/// The arguments of `fleetgate pki ca`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  fleetgate pki ca new \"Device CA\"")]
pub(super) struct Ca {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a CA's key and certificate: a root, or with --ca and --ca-key one below another CA. Its file then has the
    /// certificates above it, but for the root, as devices have to send them.
    #[command(
        after_help = "Examples:\n  fleetgate pki ca new \"Device CA\"\n  fleetgate pki ca new \"Device CA\" --subject C=US,O=Example --key rsa4096 --encrypt\n  fleetgate pki ca new \"Issuing CA 1\" --ca ca.pem --ca-key ca-key.pem --path-length 0 --out issuing\n  fleetgate pki ca new \"Device CA\" --use-key 'pkcs11:token=CA;object=root?pin-source=pin.txt'"
    )]
    New(New),
}

#[derive(Debug, Args)]
struct New {
    /// Its common name.
    name: String,
    /// The other parts of its name, like C=US,O=Example.
    #[arg(long, value_name = "PARTS")]
    subject: Option<String>,
    /// What key to make.
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    key: KeyKind,
    /// A key that is there, in place of a new one: a file, or a PKCS #11 URI like `pkcs11:token=CA;object=root`.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["key", "encrypt", "encrypt_file", "encrypt_env"])]
    use_key: Option<PathBuf>,
    /// How many days it lasts: 3650, or 1825 below another CA.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// How many CAs may stand between it and devices.
    #[arg(long, value_name = "NUMBER")]
    path_length: Option<u8>,
    /// The certificate of the CA above it.
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca: Option<PathBuf>,
    /// The key of the CA above it.
    #[arg(long, value_name = "FILE", requires = "ca")]
    ca_key: Option<PathBuf>,
    /// Where the CRL is going to be that the CA above it makes, for its certificate.
    #[arg(long, value_name = "URL", requires = "ca")]
    crl_url: Option<String>,
    #[command(flatten)]
    passphrase: OldPassphrase,
    #[command(flatten)]
    encrypt: NewPassphrase,
    #[command(flatten)]
    out: Out,
}

impl Ca {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let Verb::New(new) = &self.verb;
        new.run()
    }
}

impl New {
    fn run(&self) -> Result<ExitCode, String> {
        let name = Name::parse(self.subject.as_deref(), &self.name).map_err(said)?;
        let subject = Subject { name, hosts: Vec::new() };
        let above = match (&self.ca, &self.ca_key) {
            (Some(ca), Some(key)) => Some((ca_files::load(ca, key, &self.passphrase)?, ca_files::chain(ca)?)),
            _ => None,
        };
        let passphrase = self.encrypt.choose()?;
        let (key, key_pem): (Box<dyn Signer>, _) = if let Some(key) = &self.use_key {
            (ca_files::signer(key, &self.passphrase)?, None)
        } else {
            let (key, pem) = new_key(self.key, passphrase.as_ref())?;
            (Box::new(key), Some(pem))
        };
        let usual = if above.is_some() { Validity::INTERMEDIATE } else { Validity::ROOT };
        let life = self.days.map_or(usual, days);
        let validity = Validity::starting(OffsetDateTime::now_utc(), life);
        let mut profile = Profile::ca(PathLength(self.path_length), validity);
        profile.crl_url.clone_from(&self.crl_url);
        let (certificate, chain) = match &above {
            None => {
                let root = Authority::root(&subject, &profile, key).map_err(said)?;
                (root.certificate().clone(), "")
            }
            Some((ca, chain)) => {
                let profile = shortened(profile, ca);
                (ca.issue(&subject, &*key, &profile).map_err(said)?, chain.as_str())
            }
        };
        self.out.write("ca", &Issued { certificate: &certificate, chain, key: key_pem })
    }
}

/// A new key, and its PEM.
fn new_key(kind: KeyKind, passphrase: Option<&Passphrase>) -> Result<(Key, Zeroizing<String>), String> {
    let key = Key::generate(kind).map_err(said)?;
    let pem = match passphrase {
        Some(passphrase) => key.encrypted_pem(passphrase).map_err(said)?,
        None => key.pem(),
    };
    Ok((key, pem))
}
