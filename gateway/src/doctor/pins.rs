//! `xdp.pin_dir`: whether maps and links can be pinned there.

use std::path::{Path, PathBuf};

use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use super::finding::{Check, Finding};
use super::subject::{Access, Subject};
use crate::config::Xdp;

pub(super) fn look(xdp: &Xdp, subject: &Subject) -> Finding {
    let Some(path) = xdp.pin_dir.as_deref().filter(|_| !xdp.is_off()) else {
        return Finding::ok(
            Check::Pins,
            "xdp.pin_dir is not set: protection begins and ends with the gateway",
        );
    };
    let there = nearest(path);
    let is_bpffs = statfs(&there).is_ok_and(|system| system.filesystem_type() == BPF_FS_MAGIC);
    let may_write = there.metadata().is_ok_and(|folder| subject.may(Access::WriteFolder, &folder));
    judge(path, &there, is_bpffs, may_write.then_some(()).ok_or_else(|| subject.name()))
}

/// The folder, or the one nearest to it that is there.
fn nearest(path: &Path) -> PathBuf {
    path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new(".")).to_owned()
}

fn judge(path: &Path, there: &Path, is_bpffs: bool, may_write: Result<(), String>) -> Finding {
    let (path, there) = (path.display(), there.display());
    match may_write {
        _ if !is_bpffs => Finding::problem(
            Check::Pins,
            format!("xdp.pin_dir {path} is not on a BPF file system"),
            "mount -t bpf bpf /sys/fs/bpf, and have xdp.pin_dir below that",
        ),
        Err(who) => Finding::problem(
            Check::Pins,
            format!("{who} may not write to {there}, for xdp.pin_dir"),
            format!(
                "ExecStartPre=+/usr/bin/install -d -o USER -m 0700 {path} and ReadWritePaths={path} in the unit"
            ),
        ),
        Ok(()) => Finding::ok(Check::Pins, format!("xdp.pin_dir {path} is on a BPF file system")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn pins_need_their_file_system_and_the_right_to_write() {
        let level = |is_bpffs, may_write: Result<(), &str>| {
            let may_write = may_write.map_err(str::to_owned);
            judge(Path::new("/a/b"), Path::new("/a"), is_bpffs, may_write).level
        };
        assert_eq!(level(true, Ok(())), Level::Ok);
        assert_eq!(level(false, Ok(())), Level::Problem);
        assert_eq!(level(true, Err("somebody")), Level::Problem);
    }

    #[test]
    fn what_is_not_there_yet_is_looked_for_above() {
        assert_eq!(nearest(Path::new("/nowhere/at/all")), Path::new("/"));
    }
}
