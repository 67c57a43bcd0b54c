//! Files of a PKI: keys for their owner alone, and nothing over what exists unless it is asked for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process;

/// A file to be written.
#[derive(Debug)]
pub struct Output<'a> {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub content: &'a [u8],
    /// Whether only its owner may read it.
    pub secret: bool,
}

/// Why files were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is one already.
    #[error("{} exists, and is left as it is; choose another name, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The system said no.
    #[error("cannot write {}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Writes files. Where one of them exists and `force` is not set, or one cannot be written, none is.
pub fn write(files: &[Output<'_>], force: bool) -> Result<(), WriteError> {
    if !force && let Some(there) = files.iter().find(|file| file.path.symlink_metadata().is_ok()) {
        return Err(WriteError::Exists(there.path.clone()));
    }
    // In place of old files new ones are put when all of them are there.
    let places: Vec<_> =
        files.iter().map(|file| if force { beside(&file.path) } else { file.path.clone() }).collect();
    for (index, (file, place)) in files.iter().zip(&places).enumerate() {
        if let Err(error) = create(place, file) {
            places.iter().take(index).for_each(|made| drop(fs::remove_file(made)));
            return Err(of_file(file, error));
        }
    }
    for (file, place) in files.iter().zip(&places) {
        let renamed = if force { fs::rename(place, &file.path) } else { Ok(()) };
        renamed.and_then(|()| sync_folder(&file.path)).map_err(|error| of_file(file, error))?;
    }
    Ok(())
}

fn of_file(file: &Output<'_>, error: io::Error) -> WriteError {
    match error.kind() {
        // Somebody was faster.
        io::ErrorKind::AlreadyExists => WriteError::Exists(file.path.clone()),
        _ => WriteError::File { path: file.path.clone(), error },
    }
}

/// Where a file is written that is to replace `path`: whoever looks meanwhile finds the old one or the new one.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", process::id()));
    path.with_file_name(name)
}

/// An old file may be open to everybody: its mode is not kept.
fn create(path: &Path, file: &Output<'_>) -> io::Result<()> {
    let mode = if file.secret { 0o600 } else { 0o644 };
    let mut written: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let result = written.write_all(file.content).and_then(|()| written.sync_all());
    if result.is_err() {
        drop(fs::remove_file(path));
    }
    result
}

/// What was made or renamed is a change of the folder, too. One that may be written to and not read is left to the system.
fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(folder(path)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        folder => folder?.sync_all(),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The sole right to read a file and replace it by what follows from it, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _folder: File,
}

impl Turn {
    /// Waits for the turn. It is had by folder, because a file that is replaced takes its locks with it.
    pub fn wait(path: &Path) -> Result<Self, WriteError> {
        let failed = |error| WriteError::File { path: path.to_owned(), error };
        let folder = File::open(folder(path)).map_err(failed)?;
        folder.lock().map_err(failed)?;
        Ok(Self { _folder: folder })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn outputs(folder: &Path) -> [Output<'static>; 2] {
        [("a.pem", false), ("a-key.pem", true)].map(|(name, secret)| Output {
            path: folder.join(name),
            content: name.as_bytes(),
            secret,
        })
    }

    #[test]
    fn keys_are_for_their_owner_alone_also_in_place_of_an_open_file() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("a-key.pem");
        fs::write(&key, "old").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        write(&outputs(folder.path()), true).unwrap();
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&key).unwrap(), "a-key.pem");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn nothing_is_written_where_one_of_the_files_exists() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a-key.pem"), "old").unwrap();
        let error = write(&outputs(folder.path()), false).unwrap_err();
        assert!(
            error.to_string().contains("a-key.pem exists") && error.to_string().contains("--force"),
            "{error}"
        );
        assert!(!folder.path().join("a.pem").exists());
    }

    #[test]
    fn nothing_is_left_of_what_cannot_be_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = outputs(folder.path());
        files[1].path = folder.path().join("missing/a-key.pem");
        for force in [false, true] {
            let error = write(&files, force).unwrap_err();
            assert!(matches!(error, WriteError::File { ref path, .. } if *path == files[1].path), "{error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "force: {force}");
        }
    }

    #[test]
    fn nobody_elses_file_is_in_the_way_of_a_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let near = folder.path().join("a.pem.new");
        fs::write(&near, "mine").unwrap();
        write(&outputs(folder.path()), true).unwrap();
        assert_eq!(fs::read_to_string(near).unwrap(), "mine");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/nonexistent/elsewhere", folder.path().join("a-key.pem")).unwrap();
        assert!(matches!(write(&outputs(folder.path()), false), Err(WriteError::Exists(_))));
        write(&outputs(folder.path()), true).unwrap();
        assert!(!folder.path().join("a-key.pem").is_symlink());
    }
}
