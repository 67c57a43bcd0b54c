//! The tables, and what is done in one transaction.

use std::sync::Arc;

use redb::{Database, ReadTransaction, ReadableTable as _, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::store::batch::{Batch, Commit, Touched};
use crate::store::schema::Schema;
use crate::store::{Record, Revision, WriteError};

/// Kind and id → the record.
const RECORDS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("records");
/// Revision → what that batch wrote.
const FEED: TableDefinition<u64, &[u8]> = TableDefinition::new("feed");
/// Numbers about the whole.
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("numbers");

/// In `NUMBERS`: the version of the schema.
const SCHEMA: &str = "schema";
/// In `NUMBERS`: the last batch.
const REVISION: &str = "revision";

/// Batches that the feed goes back.
const FEED_LENGTH: u64 = 10_000;

/// A record's row.
#[derive(Deserialize)]
struct Row {
    revision: Revision,
    created_at: u64,
    updated_at: u64,
    document: Value,
}

/// The same, to be written.
#[derive(Serialize)]
struct RowRef<'a> {
    revision: Revision,
    created_at: u64,
    updated_at: u64,
    document: &'a Value,
}

/// A batch's row.
#[derive(Serialize, Deserialize)]
struct Entry {
    at: u64,
    who: String,
    touched: Vec<Touched>,
}

/// Why a batch was not written.
pub(super) enum NotWritten {
    /// It must not be.
    Refused(WriteError),
    /// The file; perhaps it was written as this revision all the same.
    Failed { revision: Revision, fault: Fault },
}

/// Fills a new file.
pub(super) fn begin(database: &Database, schema: Schema) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(FEED)?;
    {
        let mut numbers = transaction.open_table(NUMBERS)?;
        numbers.insert(SCHEMA, schema.version())?;
        numbers.insert(REVISION, 0)?;
    }
    Ok(transaction.commit()?)
}

/// Whether the file can be read here.
pub(super) fn check(transaction: &ReadTransaction, schema: Schema) -> Result<(), Fault> {
    let (version, known) = (number(transaction, SCHEMA)?, schema.version());
    if version > known { Err(Fault::Version { version, known }) } else { Ok(()) }
}

pub(super) fn revision(transaction: &ReadTransaction) -> Result<Revision, Fault> {
    number(transaction, REVISION).map(Revision)
}

fn number(transaction: &ReadTransaction, name: &str) -> Result<u64, Fault> {
    let found = transaction.open_table(NUMBERS)?.get(name)?;
    found.map(|number| number.value()).ok_or_else(|| Fault::Row(format!("it has no `{name}`")))
}

pub(super) fn get(
    transaction: &ReadTransaction,
    schema: Schema,
    kind: Kind,
    id: &RecordId,
) -> Result<Option<Record>, Fault> {
    let version = number(transaction, SCHEMA)?;
    let found = transaction.open_table(RECORDS)?.get((kind.as_str(), id.as_str()))?;
    found.map(|row| record(kind, id.as_str(), row.value(), schema, version)).transpose()
}

pub(super) fn list(transaction: &ReadTransaction, schema: Schema, kind: Kind) -> Result<Vec<Record>, Fault> {
    let version = number(transaction, SCHEMA)?;
    let mut records = Vec::new();
    for row in transaction.open_table(RECORDS)?.range((kind.as_str(), "")..)? {
        let (key, value) = row?;
        let (word, id) = key.value();
        if word != kind.as_str() {
            break;
        }
        records.push(record(kind, id, value.value(), schema, version)?);
    }
    Ok(records)
}

fn record(kind: Kind, id: &str, row: &[u8], schema: Schema, version: u64) -> Result<Record, Fault> {
    let damaged = |error: &dyn std::fmt::Display| Fault::Row(format!("{kind} `{id}`: {error}"));
    let Row { revision, created_at, updated_at, mut document } =
        serde_json::from_slice(row).map_err(|error| damaged(&error))?;
    if version < schema.version() {
        schema.bring(version, kind, &mut document);
    }
    let id = id.parse().map_err(|error| damaged(&error))?;
    Ok(Record { kind, id, revision, created_at, updated_at, document: Arc::new(document) })
}

/// Writes a batch: all of it, or nothing.
pub(super) fn write(database: &Database, schema: Schema, batch: &Batch) -> Result<Revision, NotWritten> {
    let mut revision = Revision::default();
    let mut write = || -> Result<Revision, NotWritten> {
        let transaction = database.begin_write().map_err(Fault::from)?;
        settle_in(&transaction, schema)?;
        revision = next(&transaction)?;
        {
            let mut records = transaction.open_table(RECORDS).map_err(Fault::from)?;
            for write in &batch.writes {
                let key = (write.kind.as_str(), write.id.as_str());
                let found = records.get(key).map_err(Fault::from)?;
                let before = found
                    .map(|row| record(write.kind, write.id.as_str(), row.value(), schema, schema.version()))
                    .transpose()?;
                write.check(before.as_ref().map(|before| before.revision)).map_err(NotWritten::Refused)?;
                put(&mut records, key, write.record(revision, batch.at, before.as_ref()))?;
            }
        }
        remember(&transaction, revision, batch)?;
        transaction.commit().map_err(Fault::from)?;
        Ok(revision)
    };
    write().map_err(|error| match error {
        NotWritten::Failed { fault, .. } => NotWritten::Failed { revision, fault },
        refused @ NotWritten::Refused(_) => refused,
    })
}

impl From<Fault> for NotWritten {
    fn from(fault: Fault) -> Self {
        Self::Failed { revision: Revision::default(), fault }
    }
}

fn next(transaction: &WriteTransaction) -> Result<Revision, Fault> {
    let mut numbers = transaction.open_table(NUMBERS)?;
    let last = numbers.get(REVISION)?.map_or(0, |number| number.value());
    let next = Revision(last).next();
    numbers.insert(REVISION, next.0)?;
    Ok(next)
}

type Records<'a> = Table<'a, (&'static str, &'static str), &'static [u8]>;

fn put(records: &mut Records<'_>, key: (&str, &str), record: Option<Record>) -> Result<(), Fault> {
    let Some(Record { revision, created_at, updated_at, document, .. }) = record else {
        records.remove(key)?;
        return Ok(());
    };
    let row = RowRef { revision, created_at, updated_at, document: &document };
    records.insert(key, bytes(&row)?.as_slice())?;
    Ok(())
}

/// Adds a batch to the feed, and forgets the one that is too old by now.
fn remember(transaction: &WriteTransaction, revision: Revision, batch: &Batch) -> Result<(), Fault> {
    let mut feed = transaction.open_table(FEED)?;
    let entry = Entry { at: batch.at, who: batch.who.clone(), touched: batch.touched() };
    feed.insert(revision.0, bytes(&entry)?.as_slice())?;
    if let Some(old) = revision.0.checked_sub(FEED_LENGTH) {
        feed.remove(old)?;
    }
    Ok(())
}

/// The batches after `after`; none where they are not known any more.
pub(super) fn changes(
    transaction: &ReadTransaction,
    after: Revision,
    most: usize,
) -> Result<Option<Vec<Commit>>, Fault> {
    let last = revision(transaction)?;
    let feed = transaction.open_table(FEED)?;
    let oldest = feed.first()?.map_or(last.0 + 1, |(revision, _)| revision.value());
    if after > last || after.0 + 1 < oldest {
        return Ok(None);
    }
    let mut commits = Vec::new();
    for row in feed.range(after.0 + 1..)?.take(most) {
        let (revision, value) = row?;
        let revision = Revision(revision.value());
        let Entry { at, who, touched } = serde_json::from_slice(value.value())
            .map_err(|error| Fault::Row(format!("change {revision}: {error}")))?;
        commits.push(Commit { revision, at, who, touched });
    }
    Ok(Some(commits))
}

/// Brings everything into today's form, on the disk.
pub(super) fn settle(database: &Database, schema: Schema) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    if settle_in(&transaction, schema)? {
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(())
}

/// Whether there was anything to do.
fn settle_in(transaction: &WriteTransaction, schema: Schema) -> Result<bool, Fault> {
    let mut numbers = transaction.open_table(NUMBERS)?;
    let version = numbers.get(SCHEMA)?.map_or(0, |number| number.value());
    if version >= schema.version() {
        return Ok(false);
    }
    let mut records = transaction.open_table(RECORDS)?;
    let mut brought = Vec::new();
    for row in records.iter()? {
        let (key, value) = row?;
        let (word, id) = key.value();
        // A kind that is not known any more stays as it is.
        let Ok(kind) = word.parse::<Kind>() else { continue };
        brought.push(record(kind, id, value.value(), schema, version)?);
    }
    for record in brought {
        let (kind, id) = (record.kind, record.id.clone());
        put(&mut records, (kind.as_str(), id.as_str()), Some(record))?;
    }
    numbers.insert(SCHEMA, schema.version())?;
    Ok(true)
}

fn bytes(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|error| Fault::Row(error.to_string()))
}
