//! What outlives the process and is changed while it runs: resources as JSON documents, each by its kind and id.
//!
//! Behind one trait, so that a store that several gateways share can take the place of the file. What is written is on the
//! disk when the call returns, all of a batch or none of it, and every batch has a number that is one more than the one
//! before: the revision.

mod batch;
mod error;
mod nowhere;
mod record;
mod redb;
mod schema;

pub use batch::{Batch, Commit, Expect, Touched, Write};
pub use error::{StoreError, WriteError};
pub use nowhere::Nowhere;
pub use record::{Record, Revision};
pub use redb::{FILE, Redb};

use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// A place for resources.
pub trait Store: Send + Sync {
    /// The number of the last batch.
    ///
    /// # Errors
    /// It cannot be read.
    fn revision(&self) -> Result<Revision, StoreError>;

    /// One record.
    ///
    /// # Errors
    /// It cannot be read.
    fn get(&self, kind: Kind, id: &RecordId) -> Result<Option<Record>, StoreError>;

    /// Every record of a kind, in the order of ids.
    ///
    /// # Errors
    /// They cannot be read.
    fn list(&self, kind: Kind) -> Result<Vec<Record>, StoreError>;

    /// Writes a batch: all of it, or nothing. On the disk when this returns.
    ///
    /// # Errors
    /// Something is not as the batch expects it, or it cannot be kept; nothing is changed.
    fn write(&self, batch: &Batch) -> Result<Revision, WriteError>;

    /// The batches after `after`, the oldest first, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Forgotten`] where they are not known any more: list everything instead.
    fn changes(&self, after: Revision, most: usize) -> Result<Vec<Commit>, StoreError>;

    /// Why nothing can be written now, as far as that is known without trying.
    fn problem(&self) -> Option<String>;

    /// Brings what an older gateway wrote into today's form, on the disk. Reading does that by itself, so that a successor
    /// that is not wanted leaves everything as its predecessor knows it.
    ///
    /// # Errors
    /// It cannot be written.
    fn settle(&self) -> Result<(), StoreError>;

    /// Lets go of it, for a successor. Nothing can be read or written until it is taken back.
    fn release(&self);

    /// Takes it back from a successor that did not take over.
    fn reclaim(&self);
}
