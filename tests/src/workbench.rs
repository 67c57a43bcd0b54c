//! A folder in which lines are run as an operator would type them, with `fleetgate` as a command.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::gateway::{Said, binary};

/// A folder and a shell in it.
#[derive(Debug)]
pub struct Workbench {
    folder: TempDir,
    /// Has `fleetgate`, and goes before the machine's own path.
    _programs: TempDir,
    path: OsString,
}

impl Default for Workbench {
    fn default() -> Self {
        Self::new()
    }
}

impl Workbench {
    /// An empty one.
    pub fn new() -> Self {
        let (folder, programs) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        symlink(fs::canonicalize(binary()).expect("the binary"), programs.path().join("fleetgate"))
            .expect("link the binary");
        let mut path = programs.path().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        Self { folder, _programs: programs, path }
    }

    /// Where a file of it is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("write a file");
    }

    /// A file's text.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("text")
    }

    /// What is in a file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs a line of shell; it fails where a part of a pipe does.
    pub fn run(&self, line: &str) -> Said {
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", "120", "bash", "-o", "pipefail", "-c", line]);
        self.place(&mut command);
        Said::of(command)
    }

    /// Has a command run in the folder, and find `fleetgate`.
    pub fn place(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).env("PATH", &self.path).env_remove("CFSSL_CA_PK_PASSWORD");
    }

    /// What a line writes to standard output; it must succeed.
    #[track_caller]
    pub fn must(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, 0, "{line}: {said:?}");
        said.stdout
    }

    /// What a line writes to standard error; it must fail with status 1.
    #[track_caller]
    pub fn must_fail(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, 1, "{line}: {said:?}");
        said.stderr
    }
}
