//! Why a certificate does not verify: one closed list, from the verifier to the log, the metric and the alert.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use webpki::Error;

/// Why a certificate does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A CA on the path has expired, or is not valid yet; the anchor included.
    AnchorExpired,
    /// Not DER, or not X.509.
    BadEncoding,
    /// A signature on the path does not verify.
    BadSignature,
    /// A name or path length constraint, a CA certificate used as a leaf, or a leaf used as a CA.
    ConstraintViolation,
    /// The CRL of a CA on the path is overdue, and the CA is strict about it.
    CrlExpired,
    /// A CA on the path splits its CRL, the part that would list the certificate is not loaded, and the CA is strict
    /// about it.
    CrlMissing,
    /// The operator has denied it: its fingerprint, key, serial number or common name.
    DeniedLocally,
    /// `notAfter` is past.
    Expired,
    /// `notBefore` is still to come.
    NotYetValid,
    /// A CRL lists it, or a CA above it.
    Revoked,
    /// Not reached an anchor of this host.
    UnknownIssuer,
    /// A critical extension that nobody here understands.
    UnhandledCriticalExtension,
    /// An algorithm that is not accepted, SHA-1 above all.
    Unsupported,
    /// An X.509 version without extensions: 1 or 2.
    UnsupportedVersion,
    /// A key that proves nothing here: RSA of less than 2048 bits, or of another kind than RSA, ECDSA on P-256, P-384 or
    /// P-521, and Ed25519.
    UnsupportedKey,
    /// An extended key usage that does not include client authentication.
    WrongPurpose,
}

impl Refusal {
    /// Every reason, for metrics and documentation.
    pub const ALL: [Self; 16] = [
        Self::AnchorExpired,
        Self::BadEncoding,
        Self::BadSignature,
        Self::ConstraintViolation,
        Self::CrlExpired,
        Self::CrlMissing,
        Self::DeniedLocally,
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::UnknownIssuer,
        Self::UnhandledCriticalExtension,
        Self::Unsupported,
        Self::UnsupportedVersion,
        Self::UnsupportedKey,
        Self::WrongPurpose,
    ];

    /// The value of the metric label and the log field `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AnchorExpired => "anchor_expired",
            Self::BadEncoding => "bad_encoding",
            Self::BadSignature => "bad_signature",
            Self::ConstraintViolation => "constraint_violation",
            Self::CrlExpired => "crl_expired",
            Self::CrlMissing => "crl_missing",
            Self::DeniedLocally => "denied_locally",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnhandledCriticalExtension => "unhandled_critical_extension",
            Self::Unsupported => "unsupported",
            Self::UnsupportedVersion => "unsupported_version",
            Self::UnsupportedKey => "unsupported_key",
            Self::WrongPurpose => "wrong_purpose",
        }
    }

    /// The alert that a `require` host ends the handshake with (RFC 8446, 6.2).
    pub const fn alert(self) -> AlertDescription {
        match self {
            // Whether a certificate is revoked cannot be told: `unknown_ca`, as OpenSSL and rustls have it.
            Self::AnchorExpired | Self::CrlExpired | Self::CrlMissing | Self::UnknownIssuer => {
                AlertDescription::UnknownCA
            }
            Self::BadEncoding | Self::BadSignature | Self::ConstraintViolation => {
                AlertDescription::BadCertificate
            }
            Self::DeniedLocally | Self::Revoked => AlertDescription::CertificateRevoked,
            Self::Expired | Self::NotYetValid => AlertDescription::CertificateExpired,
            Self::UnhandledCriticalExtension
            | Self::Unsupported
            | Self::UnsupportedVersion
            | Self::UnsupportedKey
            | Self::WrongPurpose => AlertDescription::UnsupportedCertificate,
        }
    }

    /// The reason in OpenSSL's words, as Cloudflare reports it behind `FAILED:`. For an operator's eyes.
    pub const fn openssl(self) -> &'static str {
        match self {
            Self::AnchorExpired | Self::Expired => "certificate has expired",
            Self::BadEncoding => "unable to decode certificate",
            Self::BadSignature => "certificate signature failure",
            Self::ConstraintViolation => "permitted subtree violation",
            Self::CrlExpired => "CRL has expired",
            Self::CrlMissing => "unable to get certificate CRL",
            Self::DeniedLocally | Self::Revoked => "certificate revoked",
            Self::NotYetValid => "certificate is not yet valid",
            Self::UnknownIssuer => "unable to get local issuer certificate",
            Self::UnhandledCriticalExtension => "unhandled critical extension",
            Self::Unsupported => "CA signature digest algorithm too weak",
            Self::UnsupportedVersion => "unsupported certificate version",
            Self::UnsupportedKey => "EE certificate key too weak",
            Self::WrongPurpose => "unsuitable certificate purpose",
        }
    }

    /// The error that makes rustls send [`Refusal::alert`].
    pub fn tls_error(self) -> rustls::Error {
        let error = match self.alert() {
            AlertDescription::UnknownCA => CertificateError::UnknownIssuer,
            AlertDescription::CertificateExpired => CertificateError::Expired,
            AlertDescription::CertificateRevoked => CertificateError::Revoked,
            AlertDescription::UnsupportedCertificate => CertificateError::InvalidPurpose,
            _ => CertificateError::BadEncoding,
        };
        error.into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::CertExpired { .. } => Self::Expired,
            Error::CertNotValidYet { .. } => Self::NotYetValid,
            Error::UnknownIssuer => Self::UnknownIssuer,
            Error::InvalidSignatureForPublicKey => Self::BadSignature,
            Error::RequiredEkuNotFoundContext(_) => Self::WrongPurpose,
            Error::UnsupportedCriticalExtension => Self::UnhandledCriticalExtension,
            Error::UnsupportedCertVersion => Self::UnsupportedVersion,
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Unsupported,
            Error::CaUsedAsEndEntity
            | Error::EndEntityUsedAsCa
            | Error::NameConstraintViolation
            | Error::PathLenConstraintViolated
            | Error::MaximumSignatureChecksExceeded
            | Error::MaximumPathBuildCallsExceeded
            | Error::MaximumPathDepthExceeded
            | Error::MaximumNameConstraintComparisonsExceeded => Self::ConstraintViolation,
            _ => Self::BadEncoding,
        }
    }
}

/// Seconds since the epoch, never before it.
pub fn now() -> u64 {
    UnixTime::now().as_secs()
}
