//! CPU time by the operating system's accounting.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::errno::Errno;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use super::family::family;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum CpuError {
    /// The system does not say.
    #[error("no CPU time of process {pid}: {error}")]
    Clock {
        /// Which process.
        pid: i32,
        /// Why.
        error: Errno,
    },
    /// A process came or went meanwhile, and with it its time.
    #[error("the server's processes changed while they were measured")]
    Changed,
}

/// What a process and its descendants had used at some moment.
#[derive(Clone, Debug)]
pub struct Tree {
    processes: BTreeSet<i32>,
    used: Duration,
}

impl Tree {
    /// As of now: user and system time of all threads, also of those that ended, to the nanosecond.
    ///
    /// # Errors
    /// When one of the processes is gone.
    pub fn of(root: u32) -> Result<Self, CpuError> {
        let processes = family(root);
        let used = processes.iter().map(|pid| used(*pid)).sum::<Result<_, _>>()?;
        Ok(Self { processes, used })
    }

    /// What was used since `before`.
    ///
    /// # Errors
    /// When the processes are not the same as before.
    pub fn since(&self, before: &Self) -> Result<Duration, CpuError> {
        let used = self.used.checked_sub(before.used).filter(|_| self.processes == before.processes);
        used.ok_or(CpuError::Changed)
    }
}

/// What a process, or a thread of the kernel, has used itself.
///
/// # Errors
/// When it is gone.
pub fn used(pid: i32) -> Result<Duration, CpuError> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid)).and_then(nix::time::ClockId::now);
    clock.map(Duration::from).map_err(|error| CpuError::Clock { pid, error })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_time_of_children_counts_and_a_child_that_ends_is_noticed() {
        // The outer shell reads lines; the inner one burns until its pipe closes.
        let script = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo burnt; read _' & \
                      wait; echo gone; read _";
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 3<&0; {}", script.replace("read _' &", "read _' <&3 &"))]);
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "burnt");
        let burnt = Tree::of(shell.id()).unwrap();
        assert_eq!(burnt.processes.len(), 2);
        assert!(burnt.used > Duration::from_millis(20), "{:?}", burnt.used);
        shell.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "gone");
        let gone = Tree::of(shell.id()).unwrap();
        assert!(matches!(gone.since(&burnt), Err(CpuError::Changed)));
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert!(Tree::of(shell.id()).is_err());
    }
}
