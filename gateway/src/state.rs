//! Files in `server.state_dir` that are replaced whole, or not at all; and the folders that they are in.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Makes a folder in `server.state_dir`, where it is not there yet. `state_dir` itself is the operator's to make.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Replaces the file at `path`, for the gateway's user alone. Whoever looks meanwhile, or after a power cut, finds the old
/// one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    // One that a crash left behind would keep its mode.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(path)
}

/// Removes the file at `path`, for good.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder(path)
}

/// What was renamed or removed is a change of the folder.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_for_its_owner_alone_and_nothing_is_left_over() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("state").join("denied.json");
        for text in ["one", "another"] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(temporary(&path), "left by a crash").unwrap();
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        }
    }

    #[test]
    fn the_old_file_stays_when_the_new_one_cannot_be_written() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("denied.json");
        replace(&path, b"old").unwrap();
        // Something that cannot be removed as a file stands in the way.
        fs::create_dir(temporary(&path)).unwrap();
        replace(&path, b"new").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}
