//! What is written together.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::WriteError;
use super::record::{Record, Revision};
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// Writes that go together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// When it is written. Milliseconds since the epoch.
    pub at: u64,
    /// On whose behalf, for the change feed.
    pub who: String,
    /// What is written; each record at most once.
    pub writes: Vec<Write>,
}

/// One write of a batch.
#[derive(Clone, Debug)]
pub struct Write {
    /// The record's kind.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// What has to be there before.
    pub expect: Expect,
    /// What is there afterwards: none is nothing.
    pub document: Option<Arc<Value>>,
}

/// What a record has to be for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// Not there.
    Absent,
    /// There.
    Present,
    /// As this batch left it.
    At(Revision),
}

/// A batch that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its number.
    pub revision: Revision,
    /// When. Milliseconds since the epoch.
    pub at: u64,
    /// On whose behalf.
    pub who: String,
    /// What it wrote.
    pub touched: Vec<Touched>,
}

/// A record that a batch wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The word for its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Whether it is gone.
    pub deleted: bool,
}

impl Write {
    /// Puts a document where there is none.
    pub fn create(kind: Kind, id: RecordId, document: Value) -> Self {
        Self { kind, id, expect: Expect::Absent, document: Some(Arc::new(document)) }
    }

    /// Puts a document, whatever is there.
    pub fn put(kind: Kind, id: RecordId, document: Value) -> Self {
        Self { kind, id, expect: Expect::Any, document: Some(Arc::new(document)) }
    }

    /// Replaces what a batch left there.
    pub fn replace(kind: Kind, id: RecordId, revision: Revision, document: Value) -> Self {
        Self { kind, id, expect: Expect::At(revision), document: Some(Arc::new(document)) }
    }

    /// Takes away what is there.
    pub fn delete(kind: Kind, id: RecordId) -> Self {
        Self { kind, id, expect: Expect::Present, document: None }
    }

    /// Whether it may be done where `found` is what is there.
    ///
    /// # Errors
    /// [`WriteError::Conflict`]
    pub fn check(&self, found: Option<Revision>) -> Result<(), WriteError> {
        let good = match self.expect {
            Expect::Any => true,
            Expect::Absent => found.is_none(),
            Expect::Present => found.is_some(),
            Expect::At(revision) => found == Some(revision),
        };
        if good { Ok(()) } else { Err(WriteError::Conflict { kind: self.kind, id: self.id.clone(), found }) }
    }

    /// The record that it leaves, in the batch `revision`, where `before` is there.
    pub fn record(&self, revision: Revision, at: u64, before: Option<&Record>) -> Option<Record> {
        let document = Arc::clone(self.document.as_ref()?);
        let created_at = before.map_or(at, |before| before.created_at);
        Some(Record { kind: self.kind, id: self.id.clone(), revision, created_at, updated_at: at, document })
    }
}

impl Batch {
    /// Whether each record is written at most once: what two writes of one batch expect of each other would be a riddle.
    ///
    /// # Errors
    /// [`WriteError::Twice`]
    pub fn check(&self) -> Result<(), WriteError> {
        let mut seen = BTreeSet::new();
        for write in &self.writes {
            if !seen.insert((write.kind, &write.id)) {
                return Err(WriteError::Twice { kind: write.kind, id: write.id.clone() });
            }
        }
        Ok(())
    }

    /// What it writes.
    pub fn touched(&self) -> Vec<Touched> {
        let touched = |write: &Write| Touched {
            kind: write.kind.as_str().to_owned(),
            id: write.id.to_string(),
            deleted: write.document.is_none(),
        };
        self.writes.iter().map(touched).collect()
    }
}
