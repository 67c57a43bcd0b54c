//! Network namespaces without names, for tests and measurements. Only descriptors and processes hold them: whatever becomes
//! of who made them, nothing of them is left behind, their links included.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::process::CommandExt as _;
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// Why something could not be done in a namespace.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// There is none to be had.
    #[error("no network namespace, which takes root: {0}")]
    Create(io::Error),
    /// A thread cannot go there.
    #[error("cannot enter a network namespace: {0}")]
    Enter(io::Error),
    /// A program does not start.
    #[error("cannot run `{line}`: {error}")]
    Start {
        /// With its arguments.
        line: String,
        /// Why.
        error: io::Error,
    },
    /// A program failed.
    #[error("`{line}`: {said}")]
    Failed {
        /// With its arguments.
        line: String,
        /// What it said.
        said: String,
    },
}

/// A network namespace. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<File>);

impl Namespace {
    /// A new one, in which only `lo` is up.
    ///
    /// # Errors
    /// Without the right to make one.
    pub fn create() -> Result<Self, NamespaceError> {
        let create = || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        };
        let created = elsewhere(create).map_err(NamespaceError::Create)?;
        let namespace = Self(Arc::new(created));
        namespace.call("ip link set lo up")?;
        Ok(namespace)
    }

    /// Takes the calling thread there, for good. What it opens and starts is there, too.
    ///
    /// # Errors
    /// Without the right to.
    pub fn enter(&self) -> Result<(), NamespaceError> {
        setns(self.0.as_fd(), CloneFlags::CLONE_NEWNET).map_err(|error| NamespaceError::Enter(error.into()))
    }

    /// Runs `work` in the namespace, on a thread of its own. Sockets opened there stay in the namespace.
    ///
    /// # Errors
    /// When that thread cannot go there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NamespaceError> {
        elsewhere(|| self.enter().map(|()| work()))
    }

    /// Has `command` run in the namespace. Mounts stay as they are: `ip netns exec` would hide bpffs.
    pub fn adopt(&self, command: &mut Command) {
        let namespace = Arc::clone(&self.0);
        let enter = move || setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
        // SAFETY: setns is one system call; nothing between fork and exec allocates or locks.
        unsafe { command.pre_exec(enter) };
    }

    /// Runs a program in the namespace, named with its arguments by spaces. What it prints.
    ///
    /// # Errors
    /// When it does not start or fails.
    pub fn call(&self, line: &str) -> Result<String, NamespaceError> {
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        self.finish(command, line)
    }

    /// Runs a command in the namespace; `line` is what errors call it. What it prints.
    ///
    /// # Errors
    /// When it does not start or fails.
    pub fn finish(&self, mut command: Command, line: &str) -> Result<String, NamespaceError> {
        self.adopt(&mut command);
        let line = || line.to_owned();
        let output = command.output().map_err(|error| NamespaceError::Start { line: line(), error })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(NamespaceError::Failed { line: line(), said: text(&output.stderr) })
    }

    /// A veth pair, still down: `name` here, `peer_name` there; `options` are those of both ends.
    ///
    /// # Errors
    /// As `ip` says.
    pub fn link(
        &self,
        name: &str,
        peer: &Self,
        peer_name: &str,
        options: &str,
    ) -> Result<(), NamespaceError> {
        let there = format!("/proc/{}/fd/{}", std::process::id(), peer.0.as_raw_fd());
        let line =
            format!("ip link add {name}{options} type veth peer name {peer_name} netns {there}{options}");
        self.call(&line).map(drop)
    }

    /// Gives an interface addresses (with their prefix length) and sets it up.
    ///
    /// # Errors
    /// As `ip` says.
    pub fn address(&self, interface: &str, addresses: &[&str]) -> Result<(), NamespaceError> {
        for address in addresses {
            // Duplicate address detection would take a second.
            let family = if address.contains(':') { " nodad" } else { "" };
            self.call(&format!("ip address add {address} dev {interface}{family}"))?;
        }
        self.call(&format!("ip link set {interface} up")).map(drop)
    }
}

/// On a thread of its own: the calling one stays where it is.
fn elsewhere<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| resume_unwind(panic))
}
