//! Certificates that may sign a CA's CRLs in its place.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::extensions::{self, Role};
use super::uploaded::Uploaded;
use crate::device::revocation::{DelegateError, Issuer};
use crate::device::trust;

/// A certificate whose key may sign CRLs of the CA that issued it.
#[derive(Clone, Debug)]
pub struct CrlSigner {
    /// The certificate.
    pub uploaded: Uploaded,
    /// The CA, with this certificate's key.
    pub issuer: Issuer,
}

/// Why a certificate may not sign a CA's CRLs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// A critical extension asks for something that is not done here.
    #[error("certificate {position} has a critical extension that is not processed here ({oid})")]
    CriticalExtension {
        /// Its position in the file, from 1.
        position: usize,
        /// The extension's object identifier.
        oid: String,
    },
    /// The CA has not let it.
    #[error("certificate {position} {error}")]
    Delegate {
        /// Its position in the file, from 1.
        position: usize,
        /// Why.
        error: DelegateError,
    },
}

impl CrlSigner {
    /// Checks a certificate, at `position` in its file, by the CAs of the mTLS certificate that it is for. Its dates are
    /// the caller's concern.
    ///
    /// # Errors
    /// It was not issued by one of them, or not for this.
    pub fn new(
        position: usize,
        der: &CertificateDer<'_>,
        cas: &[Issuer],
        allow_sha1: bool,
    ) -> Result<Self, SignerError> {
        let delegate = |error| SignerError::Delegate { position, error };
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| delegate(DelegateError::Malformed))?;
        if let Some(oid) = extensions::unprocessed(&certificate, Role::Anchor) {
            return Err(SignerError::CriticalExtension { position, oid });
        }
        let algorithms = trust::certificate_algorithms(allow_sha1);
        let issuer = Issuer::delegate(der, cas, algorithms).map_err(delegate)?;
        Ok(Self { uploaded: Uploaded::new(position, der, &certificate), issuer })
    }
}
