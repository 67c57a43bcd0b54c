//! From a file's bytes to CRLs that their CA has signed.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Authority, file};
use crate::device::revocation::{
    Crl, EnvelopeError, ParseError, ParsedCrl, RevocationIndex, StaleCrl, VerifyError, envelope,
};
use crate::device::{refusal, trust};

/// Why a CRL file was not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Envelope { path: PathBuf, error: EnvelopeError },
    #[error("{}: {error}", path.display())]
    Parse { path: PathBuf, error: ParseError },
    #[error("{}: {error}", path.display())]
    Verify { path: PathBuf, error: VerifyError },
    #[error("{}: {error}", path.display())]
    Stale { path: PathBuf, error: StaleCrl },
    #[error("{} made the CRL parser panic: please report it with the file", path.display())]
    Panic { path: PathBuf },
}

impl LoadError {
    /// The value of the metric label `reason`.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Envelope { .. } => "encoding",
            Self::Parse { .. } => "malformed",
            Self::Verify { .. } => "not_verified",
            Self::Stale { .. } => "stale",
            Self::Panic { .. } => "panic",
        }
    }
}

/// Loads the CRLs in a file of `authority`; none of them may be older than what `index` has. A panic is an error like
/// any other: the bytes may come from anybody.
pub(super) fn load(
    path: &Path,
    authority: &Authority,
    index: &RevocationIndex,
) -> Result<Vec<Arc<Crl>>, LoadError> {
    let attempt = catch_unwind(AssertUnwindSafe(|| try_load(path, authority, index)));
    attempt.unwrap_or_else(|_| Err(LoadError::Panic { path: path.to_owned() }))
}

fn try_load(path: &Path, authority: &Authority, index: &RevocationIndex) -> Result<Vec<Arc<Crl>>, LoadError> {
    let at = || path.to_owned();
    let bytes = file::read(path).map_err(|error| LoadError::Read { path: at(), error })?;
    let crls =
        envelope::decode(&bytes, bytes.len()).map_err(|error| LoadError::Envelope { path: at(), error })?;
    let algorithms = trust::certificate_algorithms(authority.allow_sha1);
    let verified = crls.iter().map(|der| {
        let parsed =
            ParsedCrl::parse(der, bytes.len()).map_err(|error| LoadError::Parse { path: at(), error })?;
        let crl = parsed
            .verify(&authority.issuers, algorithms, refusal::now())
            .map_err(|error| LoadError::Verify { path: at(), error })?;
        index.accepts(&crl).map_err(|error| LoadError::Stale { path: at(), error })?;
        Ok(Arc::new(crl))
    });
    verified.collect()
}
