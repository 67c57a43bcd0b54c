//! Files of a PKI: keys for their owner alone, and nothing over what exists unless it is asked for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

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

/// Writes files. Where one of them exists and `force` is not set, none is.
pub fn write(files: &[Output<'_>], force: bool) -> Result<(), WriteError> {
    if !force && let Some(there) = files.iter().find(|file| file.path.symlink_metadata().is_ok()) {
        return Err(WriteError::Exists(there.path.clone()));
    }
    files.iter().try_for_each(|file| {
        let written = if force { replace(file) } else { create(&file.path, file) };
        written.map_err(|error| match error.kind() {
            // Somebody was faster.
            io::ErrorKind::AlreadyExists => WriteError::Exists(file.path.clone()),
            _ => WriteError::File { path: file.path.clone(), error },
        })
    })
}

/// Whoever looks meanwhile finds the old file or the new one. An old one may be open to everybody: its mode is not kept.
fn replace(file: &Output<'_>) -> io::Result<()> {
    let mut name = file.path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = file.path.with_file_name(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(&temporary, file)?;
    fs::rename(&temporary, &file.path)
}

fn create(path: &Path, file: &Output<'_>) -> io::Result<()> {
    let mode = if file.secret { 0o600 } else { 0o644 };
    let mut written: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    written.write_all(file.content)?;
    written.sync_all()
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
    fn a_link_that_leads_nowhere_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/nonexistent/elsewhere", folder.path().join("a-key.pem")).unwrap();
        assert!(matches!(write(&outputs(folder.path()), false), Err(WriteError::Exists(_))));
        write(&outputs(folder.path()), true).unwrap();
        assert!(!folder.path().join("a-key.pem").is_symlink());
    }
}
