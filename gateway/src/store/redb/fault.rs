//! What redb says, in our words.

use std::io::ErrorKind;
use std::path::Path;

use crate::store::StoreError;

/// What went wrong with the file.
#[derive(Debug)]
pub(super) enum Fault {
    /// The library said it.
    Redb(redb::Error),
    /// A row is not what a gateway wrote.
    Row(String),
    /// A later gateway wrote it.
    Version { version: u64, known: u64 },
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl Fault {
    /// With the file that it is about.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Redb(redb::Error::DatabaseAlreadyOpen) => StoreError::InUse(path),
            Self::Redb(redb::Error::RepairAborted) => StoreError::NotClosed(path),
            Self::Redb(redb::Error::Io(error)) => match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(path),
                ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                    StoreError::ReadOnly { path, reason: error.to_string() }
                }
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                    StoreError::Damaged { path, problem: error.to_string() }
                }
                _ => StoreError::Io { path, error },
            },
            Self::Redb(error) => StoreError::Damaged { path, problem: error.to_string() },
            Self::Row(problem) => StoreError::Damaged { path, problem },
            Self::Version { version, known } => StoreError::Version { path, version, known },
        }
    }
}
