//! Proof of possession (CertificateVerify) for leaves that webpki cannot read, X.509 v1 above all.
//!
//! Such a leaf never verifies, but on an `access` host its handshake has to complete, so that policy can answer 403
//! with the reason instead of an alert that nobody understands. The proof is checked on the leaf's raw key.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use webpki::{EndEntityCert, RawPublicKeyEntity};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The protocol version that a proof was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// TLS 1.2: a scheme does not fix the curve.
    Tls12,
    /// TLS 1.3: it does, and PKCS #1 v1.5 is out (RFC 8446, 4.2.3).
    Tls13,
}

/// Whether the peer holds the key of `leaf`.
pub(super) fn verify(
    version: Version,
    message: &[u8],
    leaf: &CertificateDer<'_>,
    proof: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    if EndEntityCert::try_from(leaf).is_err() {
        return on_raw_key(version, message, leaf, proof, algorithms);
    }
    match version {
        Version::Tls12 => verify_tls12_signature(message, leaf, proof, algorithms),
        Version::Tls13 => verify_tls13_signature(message, leaf, proof, algorithms),
    }
}

fn on_raw_key(
    version: Version,
    message: &[u8],
    leaf: &CertificateDer<'_>,
    proof: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let unreadable = || Error::from(CertificateError::BadEncoding);
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| unreadable())?;
    let key = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
    let key = RawPublicKeyEntity::try_from(&key).map_err(|_| unreadable())?;
    let known = algorithms.mapping.iter().find(|(scheme, _)| *scheme == proof.scheme);
    let (Some((_, candidates)), true) = (known, is_of(version, proof.scheme)) else {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    };
    let candidates = match version {
        Version::Tls12 => candidates,
        Version::Tls13 => candidates.get(..1).unwrap_or_default(),
    };
    if candidates.iter().any(|algorithm| key.verify_signature(*algorithm, message, proof.signature()).is_ok())
    {
        return Ok(HandshakeSignatureValid::assertion());
    }
    Err(CertificateError::BadSignature.into())
}

fn is_of(version: Version, scheme: SignatureScheme) -> bool {
    let pkcs1 = matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA1
            | SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
    );
    version == Version::Tls12 || !pkcs1
}
