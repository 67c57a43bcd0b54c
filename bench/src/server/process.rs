//! A process on a CPU of its own, which ends with us.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_millis(500);

/// Why a process is not there.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It could not be started.
    #[error("cannot start {name}: {error}")]
    Start {
        /// Which.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// It ended at once.
    #[error("{name} ended ({status}):\n{said}")]
    Ended {
        /// Which.
        name: String,
        /// How.
        status: ExitStatus,
        /// The end of what it said.
        said: String,
    },
    /// It never answered.
    #[error("{name} did not answer within {seconds} s ({last}):\n{said}")]
    Silent {
        /// Which.
        name: String,
        /// How long it was given.
        seconds: u64,
        /// What came of the last attempt.
        last: String,
        /// The end of what it said.
        said: String,
    },
}

/// A process and all that it starts. They are killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` on a CPU; what it says goes to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: Command, cpu: usize, log: &Path) -> Result<Self, StartError> {
        Self::start_on(name, command, Some(cpu), log)
    }

    /// The same on whichever CPU there is.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_anywhere(name: &str, command: Command, log: &Path) -> Result<Self, StartError> {
        Self::start_on(name, command, None, log)
    }

    fn start_on(
        name: &str,
        mut command: Command,
        cpu: Option<usize>,
        log: &Path,
    ) -> Result<Self, StartError> {
        let mut start = || {
            let output = File::create(log)?;
            command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
            command.process_group(0);
            tie(&mut command, cpu)?;
            command.spawn()
        };
        match start() {
            Ok(child) => Ok(Self { name: name.to_owned(), child, log: log.to_owned() }),
            Err(error) => Err(StartError::Start { name: name.to_owned(), error }),
        }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails when it has ended.
    ///
    /// # Errors
    /// With what it said last.
    pub fn check(&mut self) -> Result<(), StartError> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(StartError::Ended { name: self.name.clone(), status, said: self.said() }),
            Ok(None) => Ok(()),
            Err(error) => Err(StartError::Start { name: self.name.clone(), error }),
        }
    }

    /// The error for a process that was waited for in vain.
    pub fn silent(&self, seconds: u64, last: &str) -> StartError {
        StartError::Silent { name: self.name.clone(), seconds, last: last.to_owned(), said: self.said() }
    }

    fn said(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let last = log.lines().rev().take(10).collect::<Vec<_>>();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first, because a master that is asked collects its workers; then killed with all of its group. What
        // cannot be signalled is gone.
        #[expect(clippy::cast_possible_wrap, reason = "process ids end at 2^22")]
        let process = Pid::from_raw(self.child.id() as i32);
        let _ = kill(process, Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            sleep(Duration::from_millis(5));
        }
        let _ = killpg(process, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// The command on that CPU, if one is given, and told to end when this thread does, even if nothing is dropped.
fn tie(command: &mut Command, cpu: Option<usize>) -> io::Result<()> {
    let mut set = CpuSet::new();
    cpu.map(|cpu| set.set(cpu)).transpose()?;
    let tie = move || {
        if cpu.is_some() {
            sched_setaffinity(Pid::from_raw(0), &set)?;
        }
        // Not SIGKILL: a master must have time to end its workers.
        set_pdeathsig(Signal::SIGTERM)?;
        Ok(())
    };
    // SAFETY: between fork and exec this makes two system calls at most; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(tie) };
    Ok(())
}
