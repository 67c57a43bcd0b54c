//! Everything that is stored, in memory and parsed. It never changes; a batch makes another.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::config::{self, Places, Problem, StoredPlace, Typed};
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::store::{Batch, Record, Revision, Store, StoreError, WriteError};

/// Records by kind and id.
type Entries = BTreeMap<(Kind, RecordId), Arc<Entry>>;

/// What is stored as of one batch.
#[derive(Clone)]
pub struct Stored {
    revision: Revision,
    entries: Entries,
    /// The next document's first place; none is given twice, so that what was parsed once keeps its places.
    next_place: usize,
}

/// A record, and what it says.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Record,
    pub(super) typed: Typed,
    /// The document's first place.
    first: usize,
}

impl Default for Stored {
    fn default() -> Self {
        Self { revision: Revision::default(), entries: Entries::new(), next_place: config::FIRST_PLACE }
    }
}

impl Stored {
    /// Reads everything, and what is wrong with it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn load(store: &dyn Store) -> Result<(Self, Vec<Problem>), StoreError> {
        let (mut stored, mut problems) = (Self::default(), Vec::new());
        for kind in Kind::ALL {
            for record in store.list(kind)? {
                problems.extend(stored.take_in(record));
            }
        }
        stored.revision = store.revision()?;
        Ok((stored, problems))
    }

    /// The batch that it is as of.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The same after `batch`, and what is wrong with what that brings.
    ///
    /// # Errors
    /// Something is not as the batch expects it.
    pub fn after(&self, batch: &Batch) -> Result<(Self, Vec<Problem>), WriteError> {
        batch.check()?;
        let (mut after, mut problems) = (self.clone(), Vec::new());
        after.revision = self.revision.next();
        for write in &batch.writes {
            let before = self.record(write.kind, write.id.as_str());
            write.check(before.map(|before| before.revision))?;
            match write.record(after.revision, batch.at, before) {
                Some(record) => problems.extend(after.take_in(record)),
                None => {
                    after.entries.remove(&(write.kind, write.id.clone()));
                }
            }
        }
        Ok((after, problems))
    }

    fn take_in(&mut self, record: Record) -> Vec<Problem> {
        let first = self.next_place;
        self.next_place += config::size(&record.document);
        let (typed, problems) = match Typed::read(record.kind, &record.id, &record.document, first) {
            Ok(typed) => (typed, Vec::new()),
            Err(problems) => (Typed::Opaque, problems),
        };
        let key = (record.kind, record.id.clone());
        self.entries.insert(key, Arc::new(Entry { record, typed, first }));
        problems
    }

    /// A record.
    pub fn record(&self, kind: Kind, id: &str) -> Option<&Record> {
        let id = id.parse().ok()?;
        self.entries.get(&(kind, id)).map(|entry| &entry.record)
    }

    /// Every record of a kind, in the order of ids.
    pub fn records(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.of(kind).map(|entry| &entry.record)
    }

    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Arc<Entry>> {
        // No id comes before this one: none is empty.
        let from = (kind, RecordId::first());
        self.entries.range(from..).take_while(move |((of, _), _)| *of == kind).map(|(_, entry)| entry)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }
}

impl Entry {
    /// The place of the document as a whole.
    pub(super) fn span(&self) -> config::Span {
        config::Span::new(self.first, self.first + 1)
    }
}

impl Places for Stored {
    fn find(&self, place: usize) -> Option<StoredPlace> {
        let has = |entry: &&Arc<Entry>| {
            let offset = place.checked_sub(entry.first);
            offset.is_some_and(|offset| offset < config::size(&entry.record.document))
        };
        let entry = self.entries.values().find(has)?;
        let Record { kind, id, document, .. } = &entry.record;
        let pointer = config::pointer(document, place - entry.first);
        Some(StoredPlace { kind: *kind, id: id.clone(), pointer })
    }
}

impl fmt::Debug for Stored {
    /// Not what is in it: there are secrets among it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({} records at revision {})", self.entries.len(), self.revision)
    }
}
