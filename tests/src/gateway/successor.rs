//! Gateways that a gateway has started to take its place.

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{Gateway, Said};
use crate::wait;

/// A process that is not our child until its parent is gone. It cannot outlive its test's end.
#[derive(Debug)]
pub struct Successor(Pid);

impl Gateway {
    /// `fleetgate upgrade`
    pub fn try_upgrade(&self) -> Said {
        // Orphans become this process's children, which can wait for them.
        set_child_subreaper(true).expect("become a reaper");
        self.cli("upgrade", &["--json"])
    }

    /// Upgrades, and expects it to work.
    #[track_caller]
    pub fn upgrade(&self) -> Successor {
        let said = self.try_upgrade();
        assert_eq!(said.code, 0, "{said:?}\n{}", self.output().log());
        let answer: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
        let process = answer["process"].as_i64().expect("a process id");
        Successor::adopt(process.try_into().expect("a process id"))
    }
}

impl Successor {
    /// The one with this process id.
    pub fn adopt(process: i32) -> Self {
        Self(Pid::from_raw(process))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.as_raw().cast_unsigned()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.0, signal).expect("send a signal");
    }

    /// Waits for its end, once its parent is gone; gives its exit status.
    #[track_caller]
    pub fn wait(&self) -> i32 {
        wait::until("a successor's end", || match waitpid(self.0, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Some(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(-(signal as i32)),
            _ => None,
        })
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        // It may have ended, and been waited for.
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = waitpid(self.0, Some(WaitPidFlag::WNOHANG));
    }
}
