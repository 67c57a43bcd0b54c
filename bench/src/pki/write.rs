//! A PKI as files in a folder.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::File;

/// Why a PKI was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is one already.
    #[error("{}: exists; choose another folder, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The system said no.
    #[error("cannot write {}: {error}", path.display())]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Writes `files` into `folder`, which is made if need be; keys can be read by their owner only.
///
/// # Errors
/// When one of them exists (and `force` is not set; then none is written), or cannot be written.
pub fn write(folder: &Path, files: &[File], force: bool) -> Result<(), WriteError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |error| WriteError::File { path, error }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let exists = |file: &&File| folder.join(&file.name).symlink_metadata().is_ok();
    if !force && let Some(file) = files.iter().find(exists) {
        return Err(WriteError::Exists(folder.join(&file.name)));
    }
    for file in files {
        let path = folder.join(&file.name);
        write_one(&path, file).map_err(failed(&path))?;
    }
    Ok(())
}

fn write_one(path: &Path, file: &File) -> io::Result<()> {
    // A mode counts only for a file that is made; an old one may be open to everybody.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mode = if file.secret { 0o600 } else { 0o644 };
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?
        .write_all(file.content.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn files() -> [File; 2] {
        [("a.pem", false), ("a-key.pem", true)].map(|(name, secret)| File {
            name: name.to_owned(),
            content: name.to_owned(),
            secret,
        })
    }

    #[test]
    fn keys_are_for_their_owner_only_also_where_an_open_file_was() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("a-key.pem");
        fs::write(&key, "old").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        write(folder.path(), &files(), true).unwrap();
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&key).unwrap(), "a-key.pem");
    }

    #[test]
    fn nothing_is_written_over_what_exists_without_force() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a-key.pem"), "old").unwrap();
        let error = write(folder.path(), &files(), false).unwrap_err();
        assert!(matches!(error, WriteError::Exists(_)), "{error}");
        assert!(!folder.path().join("a.pem").exists());
    }
}
