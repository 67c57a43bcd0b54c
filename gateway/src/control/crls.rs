//! CRLs, as operators see, push and take them back.

use std::time::Duration;

use serde::Serialize;

use super::Control;
use super::denied::not_kept;
use crate::crl::{AuthorityStatus, CrlStatus, Kept, PushError, Pushed, Removed};

/// What became of CRLs that were pushed. They are in force in any case.
#[derive(Debug, Serialize)]
pub struct CrlsPushed {
    /// The mTLS certificate that they are for.
    pub certificate: String,
    /// The lists.
    pub crls: Vec<CrlStatus>,
    /// Whether a restart will find them.
    pub kept: bool,
    /// Why not.
    pub problem: Option<String>,
    /// Whether that is a failure, and not a gateway that keeps nothing.
    #[serde(skip)]
    pub failed: bool,
}

/// What became of CRLs that were taken back. They do not count any more in any case.
#[derive(Debug, Serialize)]
pub struct CrlsRemoved {
    /// The mTLS certificate that they were for.
    pub certificate: String,
    /// How many lists there were.
    pub removed: usize,
    /// Whether a restart will find it so.
    pub kept: bool,
    /// Why not.
    pub problem: Option<String>,
    /// Whether that is a failure.
    #[serde(skip)]
    pub failed: bool,
}

impl Control {
    /// The CAs with the sources of their CRLs.
    pub fn crls(&self) -> Vec<AuthorityStatus> {
        self.keeper.status()
    }

    /// The same after a look at each source. This waits for files and servers.
    pub fn crls_now(&self) -> Vec<AuthorityStatus> {
        self.keeper.look_now();
        self.keeper.status()
    }

    /// How large a CRL may be, in octets, and how long it may take to come.
    pub fn crl_bounds(&self) -> (usize, Duration) {
        self.keeper.bounds()
    }

    /// Puts the CRLs in `body` in force for the mTLS certificate with this name.
    ///
    /// # Errors
    /// [`PushError`]
    pub fn push_crls(&self, certificate: &str, body: &[u8]) -> Result<CrlsPushed, PushError> {
        let pushed = self.keeper.push(certificate, body);
        let Pushed { crls, kept } = pushed.inspect_err(|error| tracing::warn!(%error, "CRL refused"))?;
        for CrlStatus { issuer, number, entries, .. } in &crls {
            tracing::warn!(certificate, issuer, number, entries, "CRL pushed by an operator");
        }
        let (problem, failed) = (not_kept(&kept), matches!(kept, Kept::Failed(_)));
        Ok(CrlsPushed { certificate: certificate.to_owned(), crls, kept: problem.is_none(), problem, failed })
    }

    /// Forgets which lists of an mTLS certificate were the newest, and loads again what its sources have. This waits for
    /// files and servers.
    ///
    /// # Errors
    /// [`PushError`]
    pub fn forget_newest_crls(&self, certificate: &str) -> Result<AuthorityStatus, PushError> {
        let status = self.keeper.forget(certificate)?;
        tracing::warn!(certificate, "an operator had the newest CRLs forgotten");
        Ok(status)
    }

    /// Takes back what was pushed for the mTLS certificate with this name.
    ///
    /// # Errors
    /// [`PushError`]
    pub fn remove_crls(&self, certificate: &str) -> Result<CrlsRemoved, PushError> {
        let Removed { lists: removed, kept } = self.keeper.remove_pushed(certificate)?;
        if removed > 0 {
            tracing::warn!(certificate, lists = removed, "pushed CRLs removed by an operator");
        }
        let (problem, failed) = (not_kept(&kept), matches!(kept, Kept::Failed(_)));
        Ok(CrlsRemoved {
            certificate: certificate.to_owned(),
            removed,
            kept: problem.is_none(),
            problem,
            failed,
        })
    }
}
