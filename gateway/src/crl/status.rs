//! What operators are told of loaded CRLs.

use serde::Serialize;

use super::Authority;
use super::loaded::Loaded;
use super::pushed::Head;
use crate::device::refusal;
use crate::device::revocation::{Crl, OnExpired};

/// An mTLS certificate with the sources of its CRLs.
#[derive(Debug, Serialize)]
pub struct AuthorityStatus {
    /// Its name.
    pub certificate: String,
    /// What becomes of its devices when a CRL has expired: `hard` or `soft`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_expired: Option<&'static str>,
    /// Why a list that was pushed for it revokes nobody: no mTLS certificate of this name has its CA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused: Option<String>,
    /// Where its CRLs come from.
    pub sources: Vec<SourceStatus>,
}

/// Where CRLs come from, and what came of it.
#[derive(Debug, Serialize)]
pub struct SourceStatus {
    /// The file or URL, or `api`.
    pub source: String,
    /// Why the last attempt failed. What is listed then is the version before.
    pub problem: Option<String>,
    /// When it loaded last, or was found unchanged at its URL, in seconds since the epoch.
    pub last_success: Option<u64>,
    /// When a URL is asked again, in seconds since the epoch.
    pub next_attempt: Option<u64>,
    /// The CRLs from it.
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
    pub(super) fn new<'a>(authority: &Authority, sources: impl Iterator<Item = &'a Loaded>) -> Self {
        let crl_expired = match authority.on_expired {
            OnExpired::Hard => "hard",
            OnExpired::Soft => "soft",
        };
        Self {
            certificate: authority.name.to_string(),
            crl_expired: Some(crl_expired),
            unused: None,
            sources: sources.map(SourceStatus::new).collect(),
        }
    }

    /// Of a list that was pushed for a CA which is not there.
    pub(super) fn unused(head: &Head) -> Self {
        let Head { certificate, path, .. } = head;
        let unused = format!("no mTLS certificate of this name has its CA, {}", path.display());
        Self {
            certificate: certificate.clone(),
            crl_expired: None,
            unused: Some(unused),
            sources: Vec::new(),
        }
    }
}

impl SourceStatus {
    fn new(loaded: &Loaded) -> Self {
        Self {
            source: loaded.name(),
            problem: loaded.failure.as_ref().map(|failure| failure.text.clone()),
            last_success: loaded.last_success,
            next_attempt: loaded.next_attempt(),
            crls: loaded.crls.iter().map(|crl| CrlStatus::new(crl)).collect(),
        }
    }
}

impl CrlStatus {
    pub(super) fn new(crl: &Crl) -> Self {
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
