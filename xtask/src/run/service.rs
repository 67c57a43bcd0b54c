//! A program that runs beside us until it is told to stop.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::privilege::Privilege;
use crate::process::{self, Error, Result};

/// How long a service may take to get ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running program. It is stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
    privilege: Privilege,
}

impl Service {
    /// Starts a program; what it says goes to `log`.
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        privilege: Privilege,
    ) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log).map_err(Error::file(log))?;
        let errors = output.try_clone().map_err(Error::file(log))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().map_err(|error| process::start_error(command, error))?;
        Ok(Self { name, child, log: log.to_owned(), privilege })
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// When the program ends before, or takes too long; with the end of its log.
    pub(super) fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result {
        let deadline = Instant::now() + PATIENCE;
        while !ready() {
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || Instant::now() > deadline {
                let what = if ended.is_some() { "ended at once" } else { "is not ready after 20 s" };
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let last: Vec<_> = log.lines().rev().take(10).collect();
                let last: Vec<_> = last.into_iter().rev().collect();
                return Err(Error::message(format!("the {} {what}:\n{}", self.name, last.join("\n"))));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = self.child.id();
        // Either it gets the signal, or it is gone, which every signal that we send is about.
        if self.privilege == Privilege::Sudo {
            let _ = self.privilege.run(["kill", "-s", &signal.as_str()["SIG".len()..], &pid.to_string()]);
        } else {
            let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
        }
    }

    /// Sends it a signal that ends it, and waits for the end.
    pub(super) fn stop(&mut self, signal: Signal) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        self.signal(signal);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        None
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.stop(Signal::SIGTERM).is_none() {
            self.signal(Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}
