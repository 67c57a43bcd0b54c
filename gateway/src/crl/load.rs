//! From bytes to CRLs that their CA has signed.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;

use super::Authority;
use super::fetch::FetchError;
use crate::device::revocation::{Crl, EnvelopeError, ParseError, ParsedCrl, StaleCrl, VerifyError, envelope};
use crate::device::{refusal, trust};

/// Why a CRL was not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("it made the CRL parser panic: please report it with the CRL")]
    Panic,
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Stale(#[from] StaleCrl),
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// The label of what is older than it may be.
pub(super) const STALE: &str = "stale";

impl LoadError {
    /// The value of the metric label `reason`.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Envelope(_) => "encoding",
            Self::Fetch(error) => error.label(),
            Self::Panic => "panic",
            Self::Parse(_) => "malformed",
            Self::Read(error) if error.kind() == io::ErrorKind::FileTooLarge => "too_large",
            Self::Read(_) => "read",
            Self::Stale(_) => STALE,
            Self::Verify(_) => "not_verified",
        }
    }
}

/// Loads the CRLs that `bytes` hold, for `authority`. A panic is an error like any other: the bytes may come from
/// anybody.
pub(super) fn load(bytes: &[u8], authority: &Authority) -> Result<Vec<Arc<Crl>>, LoadError> {
    Ok(load_with_der(bytes, authority)?.into_iter().map(|(_, crl)| crl).collect())
}

/// The same, each with its DER.
pub(super) fn load_with_der<'a>(
    bytes: &'a [u8],
    authority: &Authority,
) -> Result<Vec<(CertificateRevocationListDer<'a>, Arc<Crl>)>, LoadError> {
    contained(|| {
        let lists = envelope::decode(bytes, bytes.len())?;
        let algorithms = trust::certificate_algorithms(authority.allow_sha1);
        let verified = lists.into_iter().map(|der| {
            let parsed = ParsedCrl::parse(&der, bytes.len())?;
            let crl = parsed.verify(authority.signed_by(), algorithms, refusal::now())?;
            Ok((der, Arc::new(crl)))
        });
        verified.collect()
    })
}

fn contained<T>(work: impl FnOnce() -> Result<T, LoadError>) -> Result<T, LoadError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(LoadError::Panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_like_any_other() {
        let result: Result<(), _> = contained(|| panic!("a parser's mistake"));
        assert_eq!(result.unwrap_err().label(), "panic");
        assert!(contained(|| Ok(())).is_ok());
    }
}
