//! The old gateway's side: it starts the new one and waits for its report.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Report, VARIABLE, YOURS};

/// How long a successor may take to get ready: as long as systemd gives a start.
const PATIENCE: Duration = Duration::from_secs(90);

/// Why there is no successor.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// It could not be started.
    #[error("cannot start {}: {error}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It said why it does not run.
    #[error("the new gateway did not start: {0}")]
    Failed(String),
    /// It ended without a word.
    #[error("the new gateway ended without saying why; its log may")]
    Silent,
    /// It did not get ready.
    #[error("the new gateway was not ready within {} s, and was ended", PATIENCE.as_secs())]
    Late,
}

/// What this process was started as: the path, where there may be a newer file by now, and the arguments.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// This process's own. To be asked for at the start: the kernel tells of a file that was replaced by another name.
    ///
    /// # Errors
    /// When the system does not know.
    pub fn own() -> io::Result<Self> {
        Ok(Self { path: std::env::current_exe()?, arguments: std::env::args_os().skip(1).collect() })
    }
}

/// A new gateway that is getting ready, or is.
#[derive(Debug)]
pub struct Successor {
    child: Child,
    channel: BufReader<UnixStream>,
}

impl Successor {
    /// Starts `program` with these sockets.
    ///
    /// # Errors
    /// [`HandoverError::Start`]
    pub fn start(program: &Program, sockets: &[BorrowedFd<'_>]) -> Result<Self, HandoverError> {
        let start = || {
            let (channel, theirs) = UnixStream::pair()?;
            channel.set_read_timeout(Some(PATIENCE))?;
            let sockets: Vec<_> = sockets.iter().map(BorrowedFd::as_raw_fd).collect();
            let mut command = Command::new(&program.path);
            command.args(&program.arguments).stdin(Stdio::null());
            // The variable's other half, LISTEN_FDS, stays: it says that a service manager has the sockets as well.
            command.env(VARIABLE, variable(theirs.as_raw_fd(), &sockets)).env_remove("LISTEN_PID");
            let kept: Vec<_> = sockets.into_iter().chain([theirs.as_raw_fd()]).collect();
            // SAFETY: fcntl is one system call; nothing between fork and exec allocates or locks.
            unsafe { command.pre_exec(move || keep_open(&kept)) };
            let child = command.spawn()?;
            Ok(Self { child, channel: BufReader::new(channel) })
        };
        start().map_err(|error| HandoverError::Start { path: program.path.clone(), error })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it accepts connections; gives the addresses whose sockets it took.
    ///
    /// # Errors
    /// It does not, and is to be ended.
    pub fn ready(&mut self) -> Result<Vec<SocketAddr>, HandoverError> {
        let mut line = String::new();
        let read = self.channel.read_line(&mut line);
        let report = read.map(|_| serde_json::from_str(&line));
        match report {
            Ok(Ok(Report::Ready(taken))) => Ok(taken),
            Ok(Ok(Report::Failed(error))) => Err(HandoverError::Failed(error)),
            Ok(Err(_)) => Err(HandoverError::Silent),
            Err(_) => Err(HandoverError::Late),
        }
    }

    /// Tells it that everything is its own now.
    ///
    /// # Errors
    /// When it is gone.
    pub fn hand_over(&mut self) -> io::Result<()> {
        self.channel.get_mut().write_all(&[YOURS])
    }

    /// Ends it.
    pub fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn variable(channel: RawFd, sockets: &[RawFd]) -> String {
    let sockets: Vec<_> = sockets.iter().map(ToString::to_string).collect();
    format!("{channel}:{}", sockets.join(","))
}

/// Has descriptors outlive exec.
fn keep_open(descriptors: &[RawFd]) -> io::Result<()> {
    for descriptor in descriptors {
        // SAFETY: F_SETFD on a descriptor touches no memory.
        if unsafe { libc::fcntl(*descriptor, libc::F_SETFD, 0) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
