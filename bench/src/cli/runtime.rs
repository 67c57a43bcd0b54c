//! One thread for everything: what is simulated must not take all cores.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
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
    Ok(LocalSet::new().block_on(&runtime, task))
}

/// Waits for Ctrl-C or SIGTERM.
///
/// # Errors
/// When signals cannot be had.
pub(super) async fn stopped() -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
