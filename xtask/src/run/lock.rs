//! One run at a time: namespace, link and addresses have fixed names on the machine.

use std::fs::File;

use nix::fcntl::{Flock, FlockArg};

use crate::process::{Error, Result};

/// Held for as long as a run lasts. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "it is held, not read")] Flock<File>);

impl Lock {
    /// Takes the machine's lock.
    ///
    /// # Errors
    /// When another run holds it.
    pub(super) fn take() -> Result<Self> {
        let path = std::env::temp_dir().join("fleetgate-xtask-run.lock");
        // Reading is enough to lock, and all that is allowed where another user made the file.
        let file = File::open(&path).or_else(|_| File::create(&path)).map_err(Error::file(&path))?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map(Self).map_err(|_| {
            Error::message("another `cargo xtask run` is running on this machine; end that one first")
        })
    }
}
