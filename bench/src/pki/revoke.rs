//! The root's CRL, which takes the issuing CA's devices out all at once, and lets them in again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{CA, INTERMEDIATE, certificate_file, key_file};

/// Why there is no CRL.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// A file of the PKI, or the list itself.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The issuing CA is no certificate.
    #[error("the issuing CA's certificate cannot be read")]
    Certificate,
    /// It could not be signed.
    #[error("cannot sign a CRL: {0}")]
    Sign(#[from] rcgen::Error),
}

/// The CRL of a PKI in a folder, beside its root.
pub fn crl_file(root: &Path) -> PathBuf {
    root.with_file_name("devices.crl")
}

/// The root's CRL number `number`. It lists the issuing CA, or nobody.
///
/// # Errors
/// When the PKI in `folder` has no issuing CA, or is damaged.
pub fn crl(folder: &Path, number: u64, revokes: bool) -> Result<String, RevokeError> {
    let read = |name: String| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| RevokeError::File { path, error })
    };
    let root =
        Issuer::from_ca_cert_pem(&read(certificate_file(CA))?, KeyPair::from_pem(&read(key_file(CA))?)?)?;
    let issuing = serial(&read(certificate_file(INTERMEDIATE))?)?;
    Ok(list(number, revokes.then_some(issuing)).signed_by(&root)?.pem()?)
}

/// A CRL number `number` that lists `serials`.
pub(super) fn list(
    number: u64,
    serials: impl IntoIterator<Item = SerialNumber>,
) -> CertificateRevocationListParams {
    let now = OffsetDateTime::now_utc() - Duration::hours(1);
    let listed = |serial_number| RevokedCertParams {
        serial_number,
        revocation_time: now,
        reason_code: None,
        invalidity_date: None,
    };
    CertificateRevocationListParams {
        this_update: now,
        next_update: now + Duration::days(30),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: serials.into_iter().map(listed).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

fn serial(pem: &str) -> Result<SerialNumber, RevokeError> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| RevokeError::Certificate)?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| RevokeError::Certificate)?;
    Ok(SerialNumber::from_slice(certificate.raw_serial()))
}
