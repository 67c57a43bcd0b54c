//! A kept resource.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// The number of a batch. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A resource as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// Its id within the kind.
    pub id: RecordId,
    /// The batch that wrote it last.
    pub revision: Revision,
    /// When it was written first. Milliseconds since the epoch.
    pub created_at: u64,
    /// When it was written last. Milliseconds since the epoch.
    pub updated_at: u64,
    /// What it says.
    pub document: Arc<Value>,
}
