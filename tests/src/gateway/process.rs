//! The process itself. It cannot outlive its test.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::binary::binary;
use super::log::Captured;
use super::setup::Setup;

/// A running or ended process.
pub(super) struct Process {
    child: Mutex<Child>,
    pub(super) output: Captured,
}

impl Process {
    /// Starts `fleetgate run`, in the namespace and behind the wrapper that `setup` names.
    pub(super) fn spawn(setup: &Setup, config: &Path) -> Self {
        let mut words = setup.wrapper.iter().map(AsRef::as_ref).chain([binary().as_os_str()]);
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).arg("run").arg("--config").arg(config);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_remove("NOTIFY_SOCKET");
        setup.manager.iter().for_each(|manager| manager.adopt(&mut command));
        setup.namespace.iter().for_each(|namespace| namespace.adopt(&mut command));
        // The thread that starts it is the test's own: when that is gone, so is the process, whatever happened.
        let die_with_the_test = || set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from);
        // SAFETY: prctl is one system call; nothing between fork and exec allocates or locks.
        unsafe { command.pre_exec(die_with_the_test) };
        let mut child = command.spawn().expect("start fleetgate");
        let output =
            Captured::new(child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        Self { child: Mutex::new(child), output }
    }

    /// How it ended, if it has.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("ask for a child's state")
    }

    pub(super) fn id(&self) -> u32 {
        self.child().id()
    }

    pub(super) fn signal(&self, signal: Signal) {
        assert!(self.ended().is_none(), "the gateway has ended: {}", self.output.log());
        kill(Pid::from_raw(self.id().cast_signed()), signal).expect("send a signal");
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child();
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}
