//! The CA that signs, as it is named on the command line.

use std::path::{Path, PathBuf};

use clap::Args;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::passphrase::OldPassphrase;
use super::said;
use crate::device::pem as pem_file;
use crate::pki::{Authority, pem};

/// A CA's files.
#[derive(Debug, Args)]
pub(super) struct CaFiles {
    /// The certificate of the CA that signs; those of CAs above it may follow.
    #[arg(long, value_name = "FILE", default_value = "ca.pem")]
    ca: PathBuf,
    /// Its key.
    #[arg(long, value_name = "FILE", default_value = "ca-key.pem")]
    ca_key: PathBuf,
    #[command(flatten)]
    passphrase: OldPassphrase,
}

impl CaFiles {
    /// The CA.
    pub(super) fn load(&self) -> Result<Authority, String> {
        load(&self.ca, &self.ca_key, &self.passphrase)
    }

    /// The certificates that whoever it issues for sends besides its own.
    pub(super) fn chain(&self) -> Result<String, String> {
        chain(&self.ca)
    }
}

/// The CA in these files.
pub(super) fn load(certificate: &Path, key: &Path, passphrase: &OldPassphrase) -> Result<Authority, String> {
    Authority::load(certificate, key, passphrase.of(key)?.as_ref()).map_err(said)
}

/// The certificates in a file but for roots, which nobody sends: PEM.
pub(super) fn chain(certificates: &Path) -> Result<String, String> {
    let certificates = pem_file::certificates(certificates).map_err(said)?;
    Ok(certificates.iter().filter(|der| !is_root(der)).map(|der| pem::certificate(der)).collect())
}

fn is_root(der: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| certificate.subject() == certificate.issuer())
}
