//! Opening the file, and making it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Database, ReadOnlyDatabase, ReadableDatabase as _};

use super::fault::Fault;
use super::rows;
use crate::state;
use crate::store::StoreError;
use crate::store::schema::Schema;

/// Octets of the file that are kept in memory: everything that traffic needs is there in another form anyway.
const CACHE: usize = 4 << 20;

/// The file, as far as it can be had.
pub(super) enum Opened {
    /// For reading and writing.
    Writable(Database),
    /// For reading only, and why.
    ReadOnly(ReadOnlyDatabase, String),
    /// There is none, and none can be made: why.
    Absent(String),
}

/// Opens the file at `path`, or makes it.
pub(super) fn open(path: &Path, schema: Schema) -> Result<Opened, StoreError> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => {
            let database = contained(path, || database(file))?;
            rows::check(&begin(&database, path)?, schema).map_err(|fault| fault.at(path))?;
            Ok(Opened::Writable(database))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => match create(path, schema) {
            Ok(database) => Ok(Opened::Writable(database)),
            Err(error @ (StoreError::Full(_) | StoreError::ReadOnly { .. })) => {
                Ok(Opened::Absent(error.to_string()))
            }
            Err(error) => Err(error),
        },
        Err(error) if cannot_write(&error) => open_to_read(path, schema, error.to_string()),
        Err(error) => Err(StoreError::Io { path: path.to_owned(), error }),
    }
}

fn cannot_write(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
}

/// Opens the file to read it only, for this reason.
pub(super) fn open_to_read(path: &Path, schema: Schema, reason: String) -> Result<Opened, StoreError> {
    let database = contained(path, || builder().open_read_only(path).map_err(Fault::from))?;
    let transaction = database.begin_read().map_err(|error| Fault::from(error).at(path))?;
    rows::check(&transaction, schema).map_err(|fault| fault.at(path))?;
    Ok(Opened::ReadOnly(database, reason))
}

/// Makes the file beside its place: a crash on the way leaves none there, instead of half of one.
fn create(path: &Path, schema: Schema) -> Result<Database, StoreError> {
    let beside = beside(path);
    let io = |error: io::Error| Fault::Redb(redb::Error::Io(error)).at(path);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let made = make(&beside, schema).map_err(|fault| fault.at(path));
    let made = made.and_then(|database| {
        fs::rename(&beside, path).and_then(|()| state::sync_folder(path)).map_err(io)?;
        Ok(database)
    });
    if made.is_err() {
        // What could not be filled need not be there.
        let _ = fs::remove_file(&beside);
    }
    made
}

fn make(path: &Path, schema: Schema) -> Result<Database, Fault> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    let file: File = file.map_err(|error| Fault::Redb(redb::Error::Io(error)))?;
    let database = database(file)?;
    rows::begin(&database, schema)?;
    Ok(database)
}

/// The database in a file, or a new one where that is empty.
fn database(file: File) -> Result<Database, Fault> {
    Ok(builder().create_with_backend(FileBackend::new(file)?)?)
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

fn begin(database: &Database, path: &Path) -> Result<redb::ReadTransaction, StoreError> {
    database.begin_read().map_err(|error| Fault::from(error).at(path))
}

/// Bytes that are no database may surprise the library more than they should.
fn contained<T>(path: &Path, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, StoreError> {
    let panicked = |_| Err(Fault::Row("it made the reader panic".to_owned()));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked).map_err(|fault| fault.at(path))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}
