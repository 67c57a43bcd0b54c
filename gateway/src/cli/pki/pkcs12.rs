//! `fleetgate pki pkcs12`, and how others protect such files

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::issued::with;
use super::passphrase::{self, OldPassphrase};
use super::said;
use crate::cli::print;
use crate::device::pem as pem_file;
use crate::pki::pkcs12::Bundle;
use crate::pki::write::{self, Output};
use crate::pki::{Key, Name};

/// The arguments of `fleetgate pki pkcs12`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate pki pkcs12 --cert pump-17.pem\n  fleetgate pki pkcs12 --cert pump-17.pem --key pump-17-key.pem --ca ca.pem --out pump-17.p12 --encrypt-file secret.txt\n\nIn Chromium: Settings, Privacy and security, Security, Manage certificates, Import."
)]
pub(super) struct Pkcs12 {
    /// The certificate; those above it may follow in its file.
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// Its key: the certificate's file with -key.pem in place of .pem.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// CAs to put in besides: the root, for systems that want all of the chain.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name that people see when they choose: the certificate's.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The file to write: the certificate's with .p12 in place of .pem.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    passphrase: OldPassphrase,
    #[command(flatten)]
    protection: Protection,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What opens a PKCS #12 file.
#[derive(Debug, Args)]
pub(super) struct Protection {
    /// A file with the passphrase that PKCS #12 files get. Without it, a person at the terminal is asked.
    #[arg(long, value_name = "FILE")]
    encrypt_file: Option<PathBuf>,
    /// The environment variable with it.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "encrypt_file")]
    encrypt_env: Option<String>,
    /// Encrypt PKCS #12 files for systems before about 2019: with Triple DES and SHA-1.
    #[arg(long)]
    legacy: bool,
}

impl Protection {
    /// How files are to be made, if they are `wanted`.
    pub(super) fn of(&self, wanted: bool) -> Result<Option<Bundle>, String> {
        let (file, variable) = (self.encrypt_file.as_deref(), self.encrypt_env.as_deref());
        if !wanted {
            let given = file.is_some() || variable.is_some() || self.legacy;
            let say = || {
                "--encrypt-file, --encrypt-env and --legacy are for PKCS #12 files: add --pkcs12".to_owned()
            };
            return if given { Err(say()) } else { Ok(None) };
        }
        let passphrase = passphrase::choose(file, variable, true)?;
        Ok(passphrase.map(|passphrase| Bundle { passphrase, legacy: self.legacy }))
    }
}

impl Pkcs12 {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let key_path = self.key.clone().unwrap_or_else(|| beside(&self.cert, "-key.pem"));
        let out = self.out.clone().unwrap_or_else(|| beside(&self.cert, ".p12"));
        let mut chain = pem_file::certificates(&self.cert).map_err(said)?;
        for above in self.ca.iter().map(|path| pem_file::certificates(path).map_err(said)) {
            let mut above = above?;
            above.retain(|der| !chain.contains(der));
            chain.extend(above);
        }
        let key = Key::read(&key_path, self.passphrase.of(&key_path)?.as_ref()).map_err(said)?;
        let name = self.name.clone().unwrap_or_else(|| name(chain.first().map_or(&[], |leaf| leaf)));
        let Some(bundle) = self.protection.of(true)? else { return Err("a passphrase is needed".to_owned()) };
        let content = bundle.encode(&name, &key, &chain);
        let content = content
            .map_err(|error| format!("{} and {}: {error}", self.cert.display(), key_path.display()))?;
        write::write(&[Output { path: out.clone(), content: &content, secret: true }], self.force)
            .map_err(said)?;
        print(&if self.json {
            json!({ "pkcs12": out, "name": name, "certificates": chain.len() }).to_string()
        } else {
            format!("{}: {name}, its key and {} certificates", out.display(), chain.len())
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// A file with the same beginning.
fn beside(certificate: &Path, suffix: &str) -> PathBuf {
    with(&certificate.with_extension(""), suffix)
}

/// A certificate's common name, or all of its name.
fn name(der: &[u8]) -> String {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return String::new() };
    let common_name = certificate.subject().iter_common_name().last().and_then(|name| name.as_str().ok());
    common_name.map_or_else(|| Name::from_der(certificate.subject().as_raw()).to_string(), str::to_owned)
}
