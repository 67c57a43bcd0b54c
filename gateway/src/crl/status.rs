//! What operators are told of loaded CRLs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::Authority;
use crate::device::refusal;
use crate::device::revocation::{Crl, OnExpired};

/// An mTLS certificate with its CRL files.
#[derive(Debug, Serialize)]
pub struct AuthorityStatus {
    /// Its name.
    pub certificate: String,
    /// What becomes of its devices when a CRL has expired: `hard` or `soft`.
    pub crl_expired: &'static str,
    /// Its files.
    pub files: Vec<FileStatus>,
}

/// A CRL file.
#[derive(Debug, Serialize)]
pub struct FileStatus {
    /// Where it is.
    pub file: PathBuf,
    /// Why the version that is there now did not load. What is listed then is the version before.
    pub problem: Option<String>,
    /// The CRLs in it.
    pub crls: Vec<CrlStatus>,
}

/// A CRL that is in force.
#[derive(Debug, Serialize)]
pub struct CrlStatus {
    /// The CA.
    pub issuer: String,
    /// Its number in the CA's sequence, in decimal.
    pub number: Option<String>,
    /// How many certificates it lists.
    pub entries: usize,
    /// The kind of certificate that it speaks of: `all`, `ca` or `user`.
    pub scope: &'static str,
    /// When it was made, in seconds since the epoch.
    pub this_update: u64,
    /// When the next one is due, in seconds since the epoch.
    pub next_update: Option<u64>,
    /// Whether that has passed.
    pub expired: bool,
}

impl AuthorityStatus {
    pub(super) fn new(authority: &Authority, files: Vec<FileStatus>) -> Self {
        let crl_expired = match authority.on_expired {
            OnExpired::Hard => "hard",
            OnExpired::Soft => "soft",
        };
        Self { certificate: authority.name.to_string(), crl_expired, files }
    }
}

impl FileStatus {
    pub(super) fn new(path: &Path, crls: &[Arc<Crl>], problem: Option<&str>) -> Self {
        let crls = crls.iter().map(|crl| CrlStatus::new(crl)).collect();
        Self { file: path.to_owned(), problem: problem.map(Into::into), crls }
    }
}

impl CrlStatus {
    fn new(crl: &Crl) -> Self {
        Self {
            issuer: crl.issuer_name.clone(),
            number: crl.number.map(|number| number.to_string()),
            entries: crl.len(),
            scope: crl.scope.label(),
            this_update: crl.this_update,
            next_update: crl.next_update,
            expired: crl.is_expired(refusal::now()),
        }
    }
}
