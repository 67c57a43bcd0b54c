//! Why something cannot be read or kept.

use std::io;
use std::path::PathBuf;

use super::record::Revision;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// Why the store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is not what a gateway wrote.
    #[error("{} is damaged: {problem}; bring a copy back, or move it away and import an export of it", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The change feed does not go back so far.
    #[error("changes up to revision {0} are not known any more; list everything instead")]
    Forgotten(Revision),
    /// There is no room for what is to be kept.
    #[error("the disk of {} is full: nothing was changed; make room and try again", .0.display())]
    Full(PathBuf),
    /// Another process has it.
    #[error("{} is in use by another process; is a gateway running with this server.state_dir?", .0.display())]
    InUse(PathBuf),
    /// The system refused something else.
    #[error("cannot use {}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no such folder.
    #[error("server.state_dir: {} is not a folder; create it, for the gateway's user alone", .0.display())]
    NoFolder(PathBuf),
    /// A gateway ended without closing it, and whoever only reads cannot mend that.
    #[error("{} was not closed; the next start mends that", .0.display())]
    NotClosed(PathBuf),
    /// There is nowhere to keep anything.
    #[error("server.state_dir is not set: there is nowhere to keep resources; set it and restart")]
    NoStateDir,
    /// It cannot be written.
    #[error("{} cannot be written: nothing was changed; {reason}", path.display())]
    ReadOnly {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A successor has it.
    #[error("another gateway is taking over; try again in a moment")]
    Released,
    /// A later gateway wrote it.
    #[error(
        "{} is of version {version}, and this gateway reads versions up to {known}; run the gateway that wrote it, or a later one",
        path.display()
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// The version that it says.
        version: u64,
        /// The latest that is known here.
        known: u64,
    },
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Somebody changed a record meanwhile, or it is there or not there against the batch's expectation.
    #[error("{kind} `{id}` {}", match found {
        Some(revision) => format!("is there, as revision {revision} left it"),
        None => "is not there".to_owned(),
    })]
    Conflict {
        /// The record's kind.
        kind: Kind,
        /// Its id.
        id: RecordId,
        /// The batch that wrote it last, if it is there.
        found: Option<Revision>,
    },
    /// A record is written twice.
    #[error("{kind} `{id}` is written twice at once")]
    Twice {
        /// The record's kind.
        kind: Kind,
        /// Its id.
        id: RecordId,
    },
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}
