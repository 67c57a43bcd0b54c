//! Identities and trust from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::pki::{certificate_file, key_file};

/// A file that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read, or is not PEM of the right kind.
    #[error("{}: {error}; `fleetsim pki` makes such files", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: pem::Error,
    },
    /// It holds nothing that can be trusted.
    #[error("{}: no usable CA certificate", .0.display())]
    Empty(PathBuf),
}

/// A device's certificates and key.
#[derive(Debug)]
pub struct Identity {
    /// The chain as it is sent, the leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key.
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// The identity `name` of a folder that `fleetsim pki` wrote.
    ///
    /// # Errors
    /// When one of its two files cannot be used.
    pub fn load(folder: &Path, name: &str) -> Result<Self, LoadError> {
        let path = folder.join(key_file(name));
        let key = PrivateKeyDer::from_pem_file(&path).map_err(|error| LoadError::Pem { path, error })?;
        Ok(Self { chain: certificates(&folder.join(certificate_file(name)))?, key })
    }
}

/// What a server's certificate is verified with.
#[derive(Clone, Debug)]
pub struct Trust(pub(super) Arc<RootCertStore>);

impl Trust {
    /// The CA certificates of a file.
    ///
    /// # Errors
    /// When there are none.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::of(certificates(path)?).ok_or_else(|| LoadError::Empty(path.to_owned()))
    }

    /// These CA certificates; `None` when none of them is one.
    pub fn of(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates);
        (added > 0).then(|| Self(roots.into()))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| LoadError::Pem { path: path.to_owned(), error })
}
