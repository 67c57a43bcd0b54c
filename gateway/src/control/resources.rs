//! Changes of what is stored: the next snapshot is compiled first, then they are kept, then it is published.

use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::background::in_background;
use super::base::Composed;
use super::{Changing, Control, Identity};
use crate::config::{Problem, Problems};
use crate::crl::Prepared;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::resource::{Inventory, Stored};
use crate::snapshot::{Accepted, Record as AcceptedRecord};
use crate::store::{Batch, Record, Revision, Store, StoreError, Write, WriteError};

/// Changes that go together.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who wants them, for the audit log.
    pub who: String,
    /// The changes.
    pub writes: Vec<Write>,
}

/// Changes that are kept, and in force.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Their number.
    pub revision: Revision,
    /// The generation of the snapshot in force.
    pub generation: u64,
    /// What was written, in the order of the request; what was removed is left out.
    pub records: Vec<Record>,
    /// What the operator should know about it.
    pub warnings: Vec<String>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Something is not as it was expected.
    #[error(transparent)]
    Conflict(WriteError),
    /// With it, nothing would load.
    #[error("{0}")]
    Invalid(Problems),
    /// The file declares it.
    #[error("{kind} {id} is declared at {place}: change it there, and reload")]
    ReadOnly {
        /// The resource's kind.
        kind: Kind,
        /// Its id.
        id: RecordId,
        /// `FILE:LINE`.
        place: String,
    },
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A successor is reading what would be changed.
    #[error("another gateway is taking over; try again in a moment")]
    TakingOver,
}

impl From<WriteError> for ChangeError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Store(error) => Self::Store(error),
            conflict @ (WriteError::Conflict { .. } | WriteError::Twice { .. }) => Self::Conflict(conflict),
        }
    }
}

/// What is to be put in force once it is kept.
struct Next {
    composed: Composed,
    /// None where they stay as they are.
    crls: Option<Prepared>,
}

impl Control {
    /// Every resource, as of one moment.
    pub fn resources(&self) -> Arc<Inventory> {
        self.inventory.load_full()
    }

    /// Where they are kept. What traffic depends on is changed by [`Self::change`] only.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The number of the last change in force.
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.revisions.subscribe()
    }

    /// The account and the zone that the API is about.
    pub fn identity(&self) -> Identity {
        self.lock().identity.clone()
    }

    /// Changes what is stored: all of it, or nothing. When this returns, it is kept and in force.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing has changed.
    pub fn change(&self, request: &Request) -> Result<Committed, ChangeError> {
        let changing = self.changing().ok_or(ChangeError::TakingOver)?;
        self.change_during(&changing, request)
    }

    /// The same by somebody who keeps successors waiting for longer.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing has changed.
    pub fn change_during(&self, _: &Changing, request: &Request) -> Result<Committed, ChangeError> {
        let mut accepted = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        self.catch_up(&mut accepted)?;
        let before = self.resources();
        writable(&before, &request.writes)?;
        let batch = Batch { at: milliseconds(), who: request.who.clone(), writes: request.writes.clone() };
        let (stored, problems) = before.stored().after(&batch)?;
        let stored = Arc::new(stored);
        let is_compiled = batch.writes.iter().any(|write| write.kind.is_compiled());
        let prepare = || self.prepare_next(&stored, problems);
        let next = is_compiled.then(|| in_background(prepare)).transpose();
        let next = next.map_err(ChangeError::Invalid)?;
        let revision = self.store.write(&batch)?;
        let warnings = next.as_ref().map(|next| next.composed.compiled.warnings.lines()).unwrap_or_default();
        match next {
            Some(next) => self.put_next_in_force(next, &mut accepted),
            None => self.inventory.store(Arc::new(before.with(Arc::clone(&stored)))),
        }
        let is_about = |kind| batch.writes.iter().any(|write| write.kind == kind);
        if is_about(Kind::Certificate) {
            self.describe_certificates();
        }
        if is_about(Kind::Identity) {
            self.lock().identity = Identity::establish(&*self.store)?;
        }
        self.audit(&batch, revision, &before);
        self.revisions.send_replace(revision);
        let generation = self.shared.snapshot.load().generation;
        let record = |write: &Write| stored.record(write.kind, write.id.as_str()).cloned();
        let records = batch.writes.iter().filter_map(record).collect();
        Ok(Committed { revision, generation, records, warnings })
    }

    /// Brings what an older gateway stored into today's form, now that no other gateway wants it.
    pub fn settle(&self) {
        if let Err(error) = self.store.settle() {
            tracing::warn!(%error, "what is stored stays in its older form for now");
        }
    }

    /// Has what is in memory follow the store, where a write happened that was thought to have failed.
    fn catch_up(&self, accepted: &mut AcceptedRecord) -> Result<(), ChangeError> {
        let known = self.resources().revision();
        // Where it cannot be read now, the write tries to mend that.
        if self.store.revision().is_ok_and(|revision| revision != known) {
            tracing::warn!(%known, "the store has a change that was not in force");
            let (stored, problems) = Stored::load(&*self.store)?;
            let next = self.prepare_next(&Arc::new(stored), problems).map_err(ChangeError::Invalid)?;
            self.put_next_in_force(next, accepted);
            self.describe_certificates();
        }
        Ok(())
    }

    fn prepare_next(&self, stored: &Arc<Stored>, problems: Vec<Problem>) -> Result<Next, Problems> {
        let base = self.lock().base.clone();
        let running = self.shared.snapshot.load_full();
        let accepted = Accepted::Known(running.authorities.clone());
        let mut composed =
            base.compose(stored, problems, &self.shared.verdicts, &accepted, running.generation + 1)?;
        let wanted = std::mem::take(&mut composed.compiled.crls);
        let crls = if self.keeper.has(&wanted) {
            None
        } else {
            let source = base.source_with(stored);
            let prepared = self.keeper.prepare_changed(wanted);
            Some(prepared.map_err(|problems| Problems::new(&source, problems))?)
        };
        Ok(Next { composed, crls })
    }

    /// Hosts and listeners are the file's, and stay: nothing here can fail any more.
    fn put_next_in_force(&self, next: Next, accepted: &mut AcceptedRecord) {
        let Next { composed: Composed { compiled, inventory, key_rotation }, crls } = next;
        let snapshot = Arc::new(compiled.snapshot);
        let publish = || {
            self.retired.keep(self.shared.snapshot.swap(Arc::clone(&snapshot)));
            self.inventory.store(Arc::new(inventory));
        };
        match crls {
            Some(crls) => self.keeper.adopt(crls, publish),
            None => self.keeper.keep(publish),
        }
        let state = self.lock();
        self.shared.tokens.configure(key_rotation, state.base.config.access.token_cache);
        drop(state);
        self.shared.metrics.snapshot_generation.set(snapshot.generation.cast_signed());
        accepted.keep(&snapshot.authorities);
    }
}

/// What the file declares can only be changed there.
fn writable(inventory: &Inventory, writes: &[Write]) -> Result<(), ChangeError> {
    let of_file = |write: &Write| {
        let place = inventory.file().place(write.kind, write.id.as_str())?;
        Some(ChangeError::ReadOnly { kind: write.kind, id: write.id.clone(), place: place.to_owned() })
    };
    writes.iter().find_map(of_file).map_or(Ok(()), Err)
}

fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}
