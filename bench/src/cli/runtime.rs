//! One thread for everything: what is simulated must not take all cores.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::LocalSet;

/// Runs a task and those that it spawns; they end with it.
///
/// # Errors
/// When there is no runtime to be had.
pub(super) fn block_on<T>(task: impl Future<Output = T>) -> io::Result<T> {
    // A descriptor a device. Where the soft limit cannot be raised, devices say so themselves.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    let result = tasks.block_on(&runtime, task);
    drop(tasks);
    // Who was stopped does not wait for what another thread is still computing.
    runtime.shutdown_background();
    Ok(result)
}

/// Ctrl-C and SIGTERM, caught from now on.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches them.
    ///
    /// # Errors
    /// When signals cannot be had.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the first.
    pub(super) async fn stopped(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
