//! A BPF file system of a test's own: what is pinned there goes with it.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

/// It is unmounted when this goes.
#[derive(Debug)]
pub struct BpfFs(TempDir);

impl BpfFs {
    /// A new one.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        mount(Some("bpf"), folder.path(), Some("bpf"), MsFlags::empty(), None::<&str>)
            .expect("mount a BPF file system");
        Self(folder)
    }

    /// A folder in it, which need not exist.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Default for BpfFs {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for BpfFs {
    fn drop(&mut self) {
        // The folder below is removed with `TempDir`, which says nothing either.
        let _ = umount2(self.path(), MntFlags::MNT_DETACH);
    }
}
