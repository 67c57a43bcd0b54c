//! A CA from its files.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

use super::{Authority, AuthorityError};
use crate::device::pem::{self, PemError};
use crate::pki::Signer;
use crate::pki::key::{Key, KeyFileError, Passphrase};

/// Why a CA cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The certificate's file.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The key's file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The certificate is not one of a CA that can sign.
    #[error("{}: {error}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: AuthorityError,
    },
    /// They do not belong together.
    #[error("{}: the key is not that of the CA in {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
}

impl Authority {
    /// The CA whose certificate is the first in one PEM file and whose key is in another.
    pub fn load(certificate: &Path, key: &Path, passphrase: Option<&Passphrase>) -> Result<Self, LoadError> {
        let der = first(pem::certificates(certificate)?, certificate)?;
        let signer = Key::read(key, passphrase)?;
        Self::assemble(der, Box::new(signer), certificate, key)
    }

    /// The same of a certificate and a signer that were read; the paths are for errors.
    pub fn assemble(
        der: CertificateDer<'static>,
        signer: Box<dyn Signer>,
        certificate: &Path,
        key: &Path,
    ) -> Result<Self, LoadError> {
        Self::new(der, signer).map_err(|error| match error {
            AuthorityError::KeyMismatch(_) => {
                LoadError::KeyMismatch { key: key.to_owned(), certificate: certificate.to_owned() }
            }
            error => LoadError::Certificate { path: certificate.to_owned(), error },
        })
    }
}

fn first(
    certificates: Vec<CertificateDer<'static>>,
    path: &Path,
) -> Result<CertificateDer<'static>, PemError> {
    certificates.into_iter().next().ok_or_else(|| PemError::NoCertificate { path: path.to_owned() })
}
