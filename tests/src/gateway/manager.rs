//! A service manager as systemd is one, as far as sockets go: it hears what the gateway tells, keeps the descriptors that it
//! is sent, and gives them to the process that it starts next.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use sendfd::RecvWithFd as _;
use tempfile::TempDir;

use crate::wait;

/// A manager. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Manager(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: TempDir,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stored: Mutex<Vec<(String, OwnedFd)>>,
    told: Mutex<Vec<String>>,
    stop: AtomicBool,
}

/// Where descriptors are given from, out of the way of those that they become.
const ASIDE: RawFd = 500;

impl Manager {
    /// A manager that keeps nothing yet.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("fleetgate-test-").expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let shared = Arc::new(Shared::default());
        let listening = Arc::clone(&shared);
        std::thread::spawn(move || {
            while !listening.stop.load(Ordering::SeqCst) {
                listening.hear(&socket);
            }
        });
        Self(Arc::new(Inner { folder, shared }))
    }

    /// Keeps a descriptor from now on, as for a socket unit.
    pub fn keep(&self, name: &str, descriptor: impl Into<OwnedFd>) {
        lock(&self.0.shared.stored).push((name.to_owned(), descriptor.into()));
    }

    /// How many descriptors it keeps.
    pub fn keeps(&self) -> usize {
        lock(&self.0.shared.stored).len()
    }

    /// Waits until it was told `text`, in a line of its own.
    #[track_caller]
    pub fn wait_told(&self, text: &str) {
        wait::until(text, || lock(&self.0.shared.told).iter().any(|told| told == text).then_some(()));
    }

    /// Has `command`, which runs a shell's `exec "$@"`, start with what is kept.
    pub(super) fn adopt(&self, command: &mut Command) {
        let stored = lock(&self.0.shared.stored);
        let aside: Vec<OwnedFd> = stored.iter().map(|(_, descriptor)| set_aside(descriptor)).collect();
        let names: Vec<_> = stored.iter().map(|(name, _)| name.as_str()).collect();
        command.env("NOTIFY_SOCKET", self.socket()).env("FDSTORE", "64");
        if !aside.is_empty() {
            command.env("LISTEN_FDS", aside.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
        }
        let give = move || {
            for (number, descriptor) in (3..).zip(&aside) {
                // SAFETY: dup2 is one system call; nothing between fork and exec allocates or locks.
                if unsafe { libc::dup2(descriptor.as_raw_fd(), number) } < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        };
        // SAFETY: as above.
        unsafe { command.pre_exec(give) };
    }

    fn socket(&self) -> PathBuf {
        self.0.folder.path().join("notify")
    }
}

impl Default for Manager {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn hear(&self, socket: &UnixDatagram) {
        let (mut bytes, mut descriptors) = ([0; 4096], [0; 256]);
        let Ok((length, count)) = socket.recv_with_fd(&mut bytes, &mut descriptors) else { return };
        // SAFETY: the kernel has just given them to us.
        let descriptors: Vec<_> =
            descriptors[..count].iter().map(|raw| unsafe { OwnedFd::from_raw_fd(*raw) }).collect();
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap_or("stored");
        let mut stored = lock(&self.stored);
        if text.lines().any(|line| line == "FDSTOREREMOVE=1") {
            stored.retain(|(other, _)| other != name);
        }
        if text.lines().any(|line| line == "FDSTORE=1") {
            let known = |new: &OwnedFd| stored.iter().any(|(_, old)| is_same(old, new));
            let new: Vec<_> = descriptors.into_iter().filter(|new| !known(new)).collect();
            stored.extend(new.into_iter().map(|new| (name.to_owned(), new)));
        }
        drop(stored);
        lock(&self.told).extend(text.lines().map(str::to_owned));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether both are the same socket.
fn is_same(one: &OwnedFd, other: &OwnedFd) -> bool {
    let inode = |descriptor: &OwnedFd| nix::sys::stat::fstat(descriptor).expect("its inode").st_ino;
    inode(one) == inode(other)
}

fn set_aside(descriptor: &OwnedFd) -> OwnedFd {
    let raw = fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(ASIDE)).expect("a descriptor");
    // SAFETY: it is new, and ours.
    unsafe { OwnedFd::from_raw_fd(raw) }
}
