//! Audit lines: who changed which resource, without saying what it says.

use aws_lc_rs::digest;
use serde_json::Value;

use super::Control;
use crate::model::hex::Lower;
use crate::resource::Inventory;
use crate::store::{Batch, Revision};
use crate::telemetry::access_log::{self, Line};

impl Control {
    /// A line for each write of `batch`, which changed what was in `before`.
    pub(super) fn audit(&self, batch: &Batch, revision: Revision, before: &Inventory) {
        for write in &batch.writes {
            let old = before.stored().record(write.kind, write.id.as_str());
            let (old, new) = (old.map(|record| hash(&record.document)), write.document.as_deref().map(hash));
            let change = match (&old, &new) {
                (None, _) => "create",
                (Some(_), Some(_)) => "update",
                (Some(_), None) => "delete",
            };
            self.shared.access_log.write(&Line::Change {
                time: access_log::now(),
                revision: revision.0,
                who: &batch.who,
                change,
                kind: write.kind.as_str(),
                id: write.id.as_str(),
                before: old.as_deref(),
                after: new.as_deref(),
            });
        }
    }
}

/// SHA-256 of a document as JSON without spaces, its keys in order.
fn hash(document: &Value) -> String {
    Lower(digest::digest(&digest::SHA256, document.to_string().as_bytes()).as_ref()).to_string()
}
