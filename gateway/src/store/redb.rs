//! One file in `server.state_dir`, for the gateway's user alone, in redb's format: a copy-on-write tree, which a crash at
//! any moment leaves at its last commit.

mod fault;
mod file;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase as _};

use self::fault::Fault;
use self::file::Opened;
use super::schema::Schema;
use super::{Batch, Commit, Record, Revision, Store, StoreError, WriteError};
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// The file in `server.state_dir`.
pub const FILE: &str = "store.redb";

/// How often it is tried to take the file back from a successor that is dying, and how long between.
const RECLAIMS: (u32, Duration) = (50, Duration::from_millis(20));

/// A store in a file.
pub struct Redb {
    path: PathBuf,
    schema: Schema,
    /// Held while something is read or written, so that the file can be let go of.
    state: Mutex<State>,
}

enum State {
    Open(Opened),
    /// A successor has it.
    Released,
    /// It was there, and could not be opened again: why.
    Lost(String),
}

impl Redb {
    /// Opens the store in `folder`, or makes one there. Where it can only be read, or where there is none and none can be
    /// made, [`Store::problem`] says so, and it is tried again with each write.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::with(folder, Schema::CURRENT)
    }

    /// Opens the store in `folder` to read it only, which leaves no trace.
    ///
    /// # Errors
    /// It cannot be read, or somebody has it open.
    pub fn open_to_read(folder: &Path) -> Result<Self, StoreError> {
        let (path, schema) = (folder.join(FILE), Schema::CURRENT);
        let opened = file::open_to_read(&path, schema, "it was opened to be read".to_owned())?;
        Ok(Self { path, schema, state: Mutex::new(State::Open(opened)) })
    }

    fn with(folder: &Path, schema: Schema) -> Result<Self, StoreError> {
        if !folder.is_dir() {
            return Err(StoreError::NoFolder(folder.to_owned()));
        }
        let path = folder.join(FILE);
        let opened = file::open(&path, schema)?;
        Ok(Self { path, schema, state: Mutex::new(State::Open(opened)) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Default>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let state = self.lock();
        let transaction = match &*state {
            State::Open(Opened::Writable(database)) => Database::begin_read(database),
            State::Open(Opened::ReadOnly(database, _)) => ReadOnlyDatabase::begin_read(database),
            State::Open(Opened::Absent(_)) => return Ok(T::default()),
            State::Released => return Err(StoreError::Released),
            State::Lost(reason) => return Err(self.unwritable(reason)),
        };
        let transaction = transaction.map_err(|error| Fault::from(error).at(&self.path))?;
        read(&transaction).map_err(|fault| fault.at(&self.path))
    }

    fn unwritable(&self, reason: &str) -> StoreError {
        StoreError::ReadOnly { path: self.path.clone(), reason: reason.to_owned() }
    }

    /// Has the file open for writing, where that can be had.
    fn writable<'a>(&self, state: &'a mut State) -> Result<&'a Database, StoreError> {
        if let State::Released = state {
            return Err(StoreError::Released);
        }
        if !matches!(state, State::Open(Opened::Writable(_))) {
            self.open_again(state)?;
        }
        match state {
            State::Open(Opened::Writable(database)) => Ok(database),
            State::Open(Opened::ReadOnly(_, reason) | Opened::Absent(reason)) | State::Lost(reason) => {
                Err(self.unwritable(reason))
            }
            State::Released => Err(StoreError::Released),
        }
    }

    /// Closes the file and opens it again, which mends what a write that failed has left of it.
    fn open_again(&self, state: &mut State) -> Result<(), StoreError> {
        // Closed first: its lock excludes us, too.
        *state = State::Lost("it is being opened".to_owned());
        match file::open(&self.path, self.schema) {
            Ok(opened) => {
                *state = State::Open(opened);
                Ok(())
            }
            Err(error) => {
                *state = State::Lost(error.to_string());
                Err(error)
            }
        }
    }

    /// After a write that failed: whether it happened all the same. The store is usable again, where it can be.
    fn happened(&self, state: &mut State, expected: Revision) -> bool {
        if self.open_again(state).is_err() {
            return false;
        }
        let State::Open(Opened::Writable(database)) = state else { return false };
        let revision = Database::begin_read(database).map_err(Fault::from);
        revision.and_then(|transaction| rows::revision(&transaction)).is_ok_and(|found| found == expected)
    }
}

impl Store for Redb {
    fn revision(&self) -> Result<Revision, StoreError> {
        self.read(rows::revision)
    }

    fn get(&self, kind: Kind, id: &RecordId) -> Result<Option<Record>, StoreError> {
        self.read(|transaction| rows::get(transaction, self.schema, kind, id))
    }

    fn list(&self, kind: Kind) -> Result<Vec<Record>, StoreError> {
        self.read(|transaction| rows::list(transaction, self.schema, kind))
    }

    fn write(&self, batch: &Batch) -> Result<Revision, WriteError> {
        batch.check()?;
        let mut state = self.lock();
        let database = self.writable(&mut state)?;
        let fault = match rows::write(database, self.schema, batch) {
            Ok(revision) => return Ok(revision),
            Err(rows::NotWritten::Refused(error)) => return Err(error),
            Err(rows::NotWritten::Failed { revision, fault }) => {
                if self.happened(&mut state, revision) {
                    return Ok(revision);
                }
                fault
            }
        };
        Err(fault.at(&self.path).into())
    }

    fn changes(&self, after: Revision, most: usize) -> Result<Vec<Commit>, StoreError> {
        self.read(|transaction| rows::changes(transaction, after, most))?.ok_or(StoreError::Forgotten(after))
    }

    fn problem(&self) -> Option<String> {
        match &*self.lock() {
            State::Open(Opened::Writable(_)) => None,
            State::Open(Opened::ReadOnly(_, reason) | Opened::Absent(reason)) | State::Lost(reason) => {
                Some(self.unwritable(reason).to_string())
            }
            State::Released => Some(StoreError::Released.to_string()),
        }
    }

    fn settle(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        if let State::Open(Opened::Absent(_)) = *state {
            return Ok(());
        }
        let database = self.writable(&mut state)?;
        rows::settle(database, self.schema).map_err(|fault| fault.at(&self.path))
    }

    fn release(&self) {
        *self.lock() = State::Released;
    }

    fn reclaim(&self) {
        let mut state = self.lock();
        let (times, pause) = RECLAIMS;
        for _ in 0..times {
            match self.open_again(&mut state) {
                Err(StoreError::InUse(_)) => thread::sleep(pause),
                Err(error) => return tracing::error!(%error, "the store is not open again"),
                Ok(()) => return,
            }
        }
        tracing::error!("the store is not open again: a successor that failed still has it");
    }
}

#[cfg(test)]
mod tests;
