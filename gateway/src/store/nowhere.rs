//! The store of a gateway without `server.state_dir`: nothing is in it, and nothing is taken.

use super::{Batch, Commit, Record, Revision, Store, StoreError, WriteError};
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// No place at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Store for Nowhere {
    fn revision(&self) -> Result<Revision, StoreError> {
        Ok(Revision::default())
    }

    fn get(&self, _: Kind, _: &RecordId) -> Result<Option<Record>, StoreError> {
        Ok(None)
    }

    fn list(&self, _: Kind) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }

    fn write(&self, _: &Batch) -> Result<Revision, WriteError> {
        Err(StoreError::NoStateDir.into())
    }

    fn changes(&self, _: Revision, _: usize) -> Result<Vec<Commit>, StoreError> {
        Ok(Vec::new())
    }

    fn problem(&self) -> Option<String> {
        None
    }

    fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn release(&self) {}

    fn reclaim(&self) {}
}
