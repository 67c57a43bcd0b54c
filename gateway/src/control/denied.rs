//! Local denials, as operators see and change them.

use std::fmt::Display;
use std::path::PathBuf;

use serde::Serialize;

use super::Control;
use crate::crl::{Changed, Denial, DenialError, Kept, Selector};

/// Everything that operators deny.
#[derive(Debug, Serialize)]
pub struct DeniedList {
    /// What, the oldest first.
    pub denied: Vec<Denial>,
    /// The file that it is kept in; none means that it lives until the gateway stops.
    pub file: Option<PathBuf>,
}

/// What became of a denial or a pardon. It is in force in any case.
#[derive(Debug, Serialize)]
pub struct DeniedChange {
    /// Records that came or went; none where everything was as wanted before.
    pub changed: Vec<Denial>,
    /// Whether a restart will find it so.
    pub kept: bool,
    /// Why not.
    pub problem: Option<String>,
    /// Whether that is a failure, and not a gateway that keeps nothing.
    #[serde(skip)]
    pub failed: bool,
}

impl Control {
    /// What is denied.
    pub fn denied(&self) -> DeniedList {
        let (denied, file) = self.keeper.denials();
        DeniedList { denied, file }
    }

    /// Denies what `selector` says, at once.
    ///
    /// # Errors
    /// It says nothing that can be denied.
    pub fn deny(&self, selector: &Selector) -> Result<DeniedChange, DenialError> {
        self.keeper.deny(selector).map(|changed| describe(changed, "denied by an operator"))
    }

    /// Pardons what `selector` says.
    ///
    /// # Errors
    /// It says nothing that can be denied.
    pub fn undeny(&self, selector: &Selector) -> Result<DeniedChange, DenialError> {
        self.keeper.undeny(selector).map(|changed| describe(changed, "pardoned by an operator"))
    }
}

pub(super) fn describe(Changed { records, kept }: Changed, what: &str) -> DeniedChange {
    for record in &records {
        tracing::warn!(denial = serde_json::to_string(record).unwrap_or_default(), "{what}");
    }
    let problem = not_kept(&kept);
    let failed = matches!(kept, Kept::Failed(_));
    DeniedChange { changed: records, kept: problem.is_none(), problem, failed }
}

/// Why a change ends with the gateway, if it does.
pub(super) fn not_kept(kept: &Kept<impl Display>) -> Option<String> {
    match kept {
        Kept::Yes => None,
        Kept::NoStateDir => {
            Some("server.state_dir is not set: this lives until the gateway stops".to_owned())
        }
        Kept::Failed(error) => {
            tracing::error!(%error, "a change by an operator is in force, and not kept");
            Some(format!("in force until the gateway stops, and not kept: {error}"))
        }
    }
}
