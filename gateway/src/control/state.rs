//! Everything that is stored as one document: to be carried to another machine, or back in time.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ChangeError, Committed, Control, Request, denied, now};
use crate::crl::{Carried, CarriedCrl, CarryError, Denial};
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::resource::Stored;
use crate::store::{Expect, Record, Revision, Write};

/// Of the document's format.
const VERSION: u32 = 1;

/// Everything that is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Of the format.
    version: u32,
    /// When it was made, in seconds since the epoch.
    exported_at: u64,
    /// The last change that it has.
    revision: Revision,
    /// Whether secrets and their hashes are in it.
    secrets: bool,
    records: Vec<Exported>,
    /// What is kept beside them.
    #[serde(default)]
    beside: Carried,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exported {
    kind: String,
    id: String,
    created_at: u64,
    updated_at: u64,
    document: Value,
}

/// What became of an import.
#[derive(Debug, Serialize)]
pub struct Imported {
    /// The number of the change.
    pub revision: Revision,
    /// Records that are there now.
    pub records: usize,
    /// Records that were there and are gone.
    pub removed: usize,
    /// Denials that came to those that were there.
    pub denied: usize,
    /// Pushed CRLs that are in force now.
    pub crls: usize,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be taken over.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A record that none can be.
    #[error("record {position}: {problem}")]
    Record {
        /// Its position, from 1.
        position: usize,
        /// What is wrong.
        problem: String,
    },
    /// A later gateway made it.
    #[error("the export is of version {0}, and this gateway reads version {VERSION}")]
    Version(u32),
}

impl Export {
    /// What is stored, with or without secrets and their hashes, and what is kept beside it.
    pub fn of(stored: &Stored, beside: Carried, secrets: bool) -> Self {
        let records = Kind::ALL.into_iter().flat_map(|kind| stored.records(kind));
        let records = records.map(|record| Exported::of(record, secrets)).collect();
        let revision = stored.revision();
        Self { version: VERSION, exported_at: now(), revision, secrets, records, beside }
    }

    /// Whether secrets and their hashes are in it.
    pub fn has_secrets(&self) -> bool {
        self.secrets
    }
}

impl Exported {
    fn of(record: &Record, secrets: bool) -> Self {
        let Record { kind, id, created_at, updated_at, document, .. } = record;
        let mut document = Value::clone(document);
        if let (Some(secret), Some(fields), false) = (kind.secret(), document.as_object_mut(), secrets) {
            fields.remove(secret);
        }
        let (created_at, updated_at) = (*created_at, *updated_at);
        Self { kind: kind.as_str().to_owned(), id: id.to_string(), created_at, updated_at, document }
    }

    fn read(self, stored: &Stored) -> Result<Taken, String> {
        let kind: Kind =
            self.kind.parse().map_err(|error: crate::model::kind::NotAKind| error.to_string())?;
        let id: RecordId = self.id.parse().map_err(|error| format!("`{}`: {error}", self.id))?;
        let mut document = self.document;
        if let (Some(secret), Some(fields)) = (kind.secret(), document.as_object_mut())
            && !fields.contains_key(secret)
        {
            let known = stored.record(kind, id.as_str()).and_then(|record| record.document.get(secret));
            match known {
                Some(known) => {
                    fields.insert(secret.to_owned(), known.clone());
                }
                None if kind == Kind::AlertWebhook => {}
                None => return Ok(Taken::Useless(format!("{kind} {id}"))),
            }
        }
        Ok(Taken::Write(Write { kind, id, expect: Expect::Any, document: Some(Arc::new(document)) }))
    }
}

/// What becomes of a record.
enum Taken {
    Write(Write),
    /// Without its secret nobody could use it: which.
    Useless(String),
}

impl Control {
    /// Everything that is stored, with denials and pushed CRLs.
    ///
    /// # Errors
    /// [`CarryError`]
    pub fn export(&self, secrets: bool) -> Result<Export, CarryError> {
        Ok(Export::of(self.resources().stored(), self.keeper.carried()?, secrets))
    }

    /// Puts what `export` has in the place of everything that is stored: all of it, or nothing. Secrets that it does not have
    /// stay as they are, where their record is there. Denials and pushed CRLs come to those that are there: nobody is let in.
    ///
    /// # Errors
    /// [`ImportError`]; nothing has changed.
    pub fn import(&self, export: Export) -> Result<Imported, ImportError> {
        if export.version != VERSION {
            return Err(ImportError::Version(export.version));
        }
        let before = self.resources();
        let (mut writes, mut useless) = (Vec::new(), Vec::new());
        for (exported, position) in export.records.into_iter().zip(1..) {
            match exported.read(before.stored()) {
                Ok(Taken::Write(write)) => writes.push(write),
                Ok(Taken::Useless(record)) => useless.push(record),
                Err(problem) => return Err(ImportError::Record { position, problem }),
            }
        }
        let records = writes.len();
        let removed = gone(before.stored(), &writes);
        let number = removed.len();
        writes.extend(removed);
        let request = Request { who: "import".to_owned(), writes };
        let Committed { revision, mut warnings, .. } = self.change(&request)?;
        let left_out = |record| format!("{record} is left out: its secret is not in the export");
        warnings.extend(useless.into_iter().map(left_out));
        let denied = self.deny_too(export.beside.denied, &mut warnings);
        let crls = self.push_all(&export.beside.crls, &mut warnings);
        Ok(Imported { revision, records, removed: number, denied, crls, warnings })
    }

    /// How many of `denied` are new here.
    fn deny_too(&self, denied: Vec<Denial>, warnings: &mut Vec<String>) -> usize {
        if denied.is_empty() {
            return 0;
        }
        match self.keeper.deny_too(denied) {
            Ok(changed) => {
                let change = denied::describe(changed, "denied by an import");
                warnings.extend(change.problem);
                change.changed.len()
            }
            Err(error) => {
                warnings.push(format!("the denials are left out: {error}"));
                0
            }
        }
    }

    /// How many of `crls` are accepted.
    fn push_all(&self, crls: &[CarriedCrl], warnings: &mut Vec<String>) -> usize {
        let mut accepted = 0;
        for CarriedCrl { certificate, crl } in crls {
            match self.push_crls(certificate, crl.as_bytes()) {
                Ok(pushed) => {
                    warnings.extend(pushed.problem);
                    accepted += 1;
                }
                Err(error) => warnings.push(format!("a pushed CRL is left out: {error}")),
            }
        }
        accepted
    }
}

/// Removals of what is there and not written.
fn gone(stored: &Stored, writes: &[Write]) -> Vec<Write> {
    let stay: BTreeSet<_> = writes.iter().map(|write| (write.kind, &write.id)).collect();
    let all = Kind::ALL.into_iter().flat_map(|kind| stored.records(kind));
    let gone = all.filter(|record| !stay.contains(&(record.kind, &record.id)));
    // Whoever imports what has no ids keeps those that are known by now.
    let gone = gone.filter(|record| record.kind != Kind::Identity);
    gone.map(|record| Write::delete(record.kind, record.id.clone())).collect()
}
