//! Keys that a CA has allowed to sign its CRLs beside its own.
//!
//! What such a key signs is a CRL of the CA, under the CA's name. A list that names its signer as its issuer speaks of the
//! signer's certificates, and would be indirect where it speaks of the CA's (RFC 5280, 5 and 6.3.3 (b)).

use rustls::pki_types::SignatureVerificationAlgorithm;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::issuer::Issuer;
use super::name;
use super::signed::{Signed, fitting};

/// Why a certificate does not let its key sign CRLs of a CA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegateError {
    /// Not a certificate.
    #[error("is not valid X.509")]
    Malformed,
    /// Its key usage does not say so.
    #[error("may not sign CRLs: its key usage lacks cRLSign")]
    NotASigner,
    /// None of the CAs signed it.
    #[error("was not issued by a CA of this mTLS certificate: `{issuer}` did not sign it, or is not here")]
    NotIssued {
        /// The issuer that it names.
        issuer: String,
    },
}

impl Issuer {
    /// The CA among `cas` that issued the certificate `der`, with the right to sign its CRLs in the hands of that
    /// certificate's key, while the certificate is within its dates.
    pub fn delegate<'i>(
        der: &[u8],
        cas: impl IntoIterator<Item = &'i Self>,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, DelegateError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| DelegateError::Malformed)?;
        let signed = Signed::read(der).map_err(|_| DelegateError::Malformed)?;
        let own = Self::read(der).map_err(|_| DelegateError::Malformed)?;
        // Where a CA leaves the key usage out it may do anything; who acts in its name needs its word.
        let usage = certificate.key_usage().map_err(|_| DelegateError::Malformed)?;
        if !usage.is_some_and(|usage| usage.value.crl_sign()) {
            return Err(DelegateError::NotASigner);
        }
        let issuer = certificate.issuer().as_raw();
        let (named, fitting) = (name::canonical(issuer), fitting(algorithms, signed.algorithm));
        let ca = cas
            .into_iter()
            .find(|ca| *ca.subject == *named && ca.has_signed(signed.content.raw, signed.signature, &fitting))
            .ok_or_else(|| DelegateError::NotIssued { issuer: name::display(issuer) })?;
        let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
        let validity = certificate.validity();
        Ok(Self {
            id: ca.id,
            name: ca.name.clone(),
            subject: ca.subject.clone(),
            delegated: Some(seconds(validity.not_before)..=seconds(validity.not_after)),
            ..own
        })
    }
}
