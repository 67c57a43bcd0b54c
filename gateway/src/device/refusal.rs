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
    /// `notAfter` is past.
    Expired,
    /// `notBefore` is still to come.
    NotYetValid,
    /// Not reached an anchor of this host.
    UnknownIssuer,
    /// A critical extension that nobody here understands.
    UnhandledCriticalExtension,
    /// An algorithm or certificate version that is not accepted.
    Unsupported,
    /// An extended key usage that does not include client authentication.
    WrongPurpose,
}

impl Refusal {
    /// Every reason, for metrics and documentation.
    pub const ALL: [Self; 10] = [
        Self::AnchorExpired,
        Self::BadEncoding,
        Self::BadSignature,
        Self::ConstraintViolation,
        Self::Expired,
        Self::NotYetValid,
        Self::UnknownIssuer,
        Self::UnhandledCriticalExtension,
        Self::Unsupported,
        Self::WrongPurpose,
    ];

    /// The value of the metric label and the log field `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AnchorExpired => "anchor_expired",
            Self::BadEncoding => "bad_encoding",
            Self::BadSignature => "bad_signature",
            Self::ConstraintViolation => "constraint_violation",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnhandledCriticalExtension => "unhandled_critical_extension",
            Self::Unsupported => "unsupported",
            Self::WrongPurpose => "wrong_purpose",
        }
    }

    /// The alert that a `require` host ends the handshake with (RFC 8446, 6.2).
    pub const fn alert(self) -> AlertDescription {
        match self {
            Self::AnchorExpired | Self::UnknownIssuer => AlertDescription::UnknownCA,
            Self::BadEncoding | Self::BadSignature | Self::ConstraintViolation => {
                AlertDescription::BadCertificate
            }
            Self::Expired | Self::NotYetValid => AlertDescription::CertificateExpired,
            Self::UnhandledCriticalExtension | Self::Unsupported | Self::WrongPurpose => {
                AlertDescription::UnsupportedCertificate
            }
        }
    }

    /// The error that makes rustls send [`Refusal::alert`].
    pub fn tls_error(self) -> rustls::Error {
        let error = match self.alert() {
            AlertDescription::UnknownCA => CertificateError::UnknownIssuer,
            AlertDescription::CertificateExpired => CertificateError::Expired,
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
            Error::UnsupportedCertVersion
            | Error::UnsupportedSignatureAlgorithmContext(_)
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
