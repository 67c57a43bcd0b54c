//! PEM files with certificates and keys.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A file beyond this is no certificate file.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Why a PEM file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is larger than such a file can be.
    #[error("{} is larger than 4 MiB, which is no PEM file", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// A PEM section is damaged.
    #[error("{} is not valid PEM: {problem}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong, without a word of the file.
        problem: &'static str,
    },
    /// It has no certificate.
    #[error("{} holds no certificate (`-----BEGIN CERTIFICATE-----`)", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// It has no private key.
    #[error("{} holds no private key (`-----BEGIN PRIVATE KEY-----` or alike)", path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
}

/// All certificates in the file, in its order; at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    certificates_in(&read(path)?, path)
}

/// The same of what was read from `path`, which is for errors.
pub fn certificates_in(bytes: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let certificates = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| malformed(path, &error))?;
    if certificates.is_empty() {
        return Err(PemError::NoCertificate { path: path.to_owned() });
    }
    Ok(certificates)
}

/// The first private key in the file.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    private_key_in(&read(path)?, path)
}

/// The same of what was read from `path`, which is for errors.
pub fn private_key_in(bytes: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => PemError::NoKey { path: path.to_owned() },
        error => malformed(path, &error),
    })
}

/// The parser quotes the file, and a key that lost its line breaks is all in the line that it quotes (invariant 13).
fn malformed(path: &Path, error: &pem::Error) -> PemError {
    let problem = match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a section does not end; is each marker on a line of its own?"
        }
        pem::Error::IllegalSectionStart { .. } => "a line with a BEGIN marker has more than the marker",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "it cannot be parsed",
    };
    PemError::Malformed { path: path.to_owned(), problem }
}

fn read(path: &Path) -> Result<Vec<u8>, PemError> {
    let failed = |error| PemError::Read { path: path.to_owned(), error };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        return Err(PemError::TooLarge { path: path.to_owned() });
    }
    std::fs::read(path).map_err(failed)
}
