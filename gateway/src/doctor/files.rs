//! Files and folders that are the gateway's alone: `server.state_dir`, and private keys.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};

use super::finding::{Check, Finding};
use super::subject::{Access, Subject};
use crate::config::{Config, Source};

const WRITTEN_BY_OTHERS: u32 = 0o022;
const READ_BY_ALL: u32 = 0o004;

/// The folder for what outlives the process.
pub(super) fn state_dir(path: Option<&Path>, subject: &Subject) -> Vec<Finding> {
    let Some(path) = path else {
        return vec![Finding::warning(
            Check::State,
            "server.state_dir is not set: denials, token keys and the newest CRLs are lost with the process",
            "set it, to a folder of the gateway's own",
        )];
    };
    let shown = path.display();
    let folder = match fs::metadata(path) {
        Ok(folder) if folder.is_dir() => folder,
        Ok(_) => return vec![make_folder(format!("server.state_dir {shown} is not a folder"), path)],
        Err(error) => return vec![make_folder(format!("server.state_dir {shown}: {error}"), path)],
    };
    let is_read_only = statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_RDONLY));
    let may_write = subject.may(Access::WriteFolder, &folder) && !is_read_only;
    let mut findings = vec![of_folder(path, folder.mode(), may_write, &subject.name())];
    findings.extend(files_in(path).into_iter().filter_map(|(file, mode)| of_state_file(&file, mode)));
    findings
}

fn make_folder(says: String, path: &Path) -> Finding {
    let remedy = format!("mkdir -m 700 {}, and give it to the gateway's user", path.display());
    Finding::problem(Check::State, says, remedy)
}

/// What the gateway keeps there itself; its folders are its own.
fn files_in(folder: &Path) -> Vec<(PathBuf, u32)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let file = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok().filter(Metadata::is_file)?;
        let path = entry.path();
        path.extension()
            .is_some_and(|extension| extension == "json" || extension == "redb")
            .then(|| (path, metadata.mode()))
    };
    entries.filter_map(file).collect()
}

fn of_folder(path: &Path, mode: u32, may_write: bool, who: &str) -> Finding {
    let shown = path.display();
    if !may_write {
        let remedy = format!("chown it to the gateway's user, or have ReadWritePaths={shown} in the unit");
        Finding::problem(Check::State, format!("{who} may not write to server.state_dir {shown}"), remedy)
    } else if mode & WRITTEN_BY_OTHERS != 0 {
        let says = format!("others may write to server.state_dir {shown} (mode {:03o})", mode & 0o777);
        Finding::problem(Check::State, says, format!("chmod 700 {shown}"))
    } else if mode & READ_BY_ALL != 0 {
        let says = format!("everybody sees what is in server.state_dir {shown} (mode {:03o})", mode & 0o777);
        Finding::warning(Check::State, says, format!("chmod 700 {shown}"))
    } else {
        Finding::ok(Check::State, format!("server.state_dir {shown} is the gateway's alone"))
    }
}

/// The gateway writes them for itself alone, so that somebody has changed one that is not.
fn of_state_file(file: &Path, mode: u32) -> Option<Finding> {
    let shown = file.display();
    let says = format!("others may read or write {shown} (mode {:03o})", mode & 0o777);
    (mode & 0o077 != 0).then(|| Finding::problem(Check::State, says, format!("chmod 600 {shown}")))
}

/// Files with our private keys, towards devices and origins. Those that are missing are problems of the configuration.
pub(super) fn keys(config: &Config, source: &Source, subject: &Subject) -> Vec<Finding> {
    let towards_devices =
        config.hosts.iter().filter_map(|host| host.identity.as_ref()).map(|identity| &identity.key.value);
    let towards_origins = config.hosts.iter().filter_map(|host| host.origin.identity.as_ref());
    let all = towards_devices.chain(towards_origins.map(|(_, key)| &key.value));
    let all: BTreeSet<_> = all.map(|key| source.resolve(key)).collect();
    let findings = all.iter().filter_map(|key| {
        let file = fs::metadata(key).ok()?;
        of_key(key, file.mode(), subject.may(Access::Read, &file), &subject.name())
    });
    let findings: Vec<_> = findings.collect();
    if findings.is_empty() {
        return vec![Finding::ok(
            Check::Keys,
            format!("{} file(s) with private keys are closed to others", all.len()),
        )];
    }
    findings
}

/// A group may read a key: that is how services share one.
fn of_key(key: &Path, mode: u32, may_read: bool, who: &str) -> Option<Finding> {
    let (shown, octal) = (key.display(), mode & 0o777);
    let (says, remedy) = if mode & READ_BY_ALL != 0 {
        (
            format!("everybody may read the private key {shown} (mode {octal:03o})"),
            format!("chmod 600 {shown}"),
        )
    } else if mode & WRITTEN_BY_OTHERS != 0 {
        (
            format!("others may write to the private key {shown} (mode {octal:03o})"),
            format!("chmod 600 {shown}"),
        )
    } else if !may_read {
        (
            format!("{who} may not read the private key {shown}"),
            "give it to the gateway's user or group".to_owned(),
        )
    } else {
        return None;
    };
    Some(Finding::problem(Check::Keys, says, remedy))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_key_is_for_its_owner_and_at_most_its_group_to_read() {
        let says = |mode, may_read| {
            of_key(Path::new("key.pem"), mode, may_read, "the gateway").map(|found| found.says)
        };
        assert_eq!((says(0o100_600, true), says(0o640, true), says(0o400, true)), (None, None, None));
        assert!(says(0o100_644, true).unwrap().contains("everybody may read"));
        assert!(says(0o660, true).unwrap().contains("others may write"));
        assert!(says(0o600, false).unwrap().contains("the gateway may not read"));
    }

    #[test]
    fn the_state_folder_is_writable_for_the_gateway_alone() {
        let level = |mode, may_write| of_folder(Path::new("state"), mode, may_write, "the gateway").level;
        assert_eq!((level(0o700, true), level(0o750, true)), (Level::Ok, Level::Ok));
        assert_eq!((level(0o755, true), level(0o770, true)), (Level::Warning, Level::Problem));
        assert_eq!(level(0o700, false), Level::Problem);
        assert!(of_state_file(Path::new("denied.json"), 0o100_600).is_none());
        assert!(of_state_file(Path::new("denied.json"), 0o100_640).is_some());
    }

    #[test]
    fn a_state_folder_that_is_none_is_a_problem_and_none_at_all_a_warning() {
        let subject = Subject::read(None).unwrap();
        let levels = |path: Option<&Path>| -> Vec<_> {
            state_dir(path, &subject).into_iter().map(|finding| finding.level).collect()
        };
        assert_eq!(levels(None), [Level::Warning]);
        assert_eq!(levels(Some(Path::new("/nowhere/at/all"))), [Level::Problem]);
        assert_eq!(levels(Some(Path::new("/proc/self/status"))), [Level::Problem]);
    }
}
