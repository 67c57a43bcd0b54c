//! A service manager that speaks systemd's protocol: what it is told, and the sockets that it keeps.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use sd_notify::NotifyState;

/// Descriptors to a message: the kernel takes 253.
const BATCH: usize = 250;

/// The service manager that runs this process, or nobody.
#[derive(Clone, Copy, Debug)]
pub struct Manager {
    /// Descriptors that it keeps for the service at most.
    room: usize,
    /// Whether it has given sockets to this process, or to one before.
    gave: bool,
}

/// The sockets that the service manager gave to this process. To be asked once.
///
/// # Errors
/// The environment names descriptors that this process does not have.
pub fn listening() -> io::Result<Vec<OwnedFd>> {
    // SAFETY: they are open (`listen_fds` has set a flag on each), and were given to this process, by its number, for this.
    Ok(sd_notify::listen_fds()?.map(|descriptor| unsafe { OwnedFd::from_raw_fd(descriptor) }).collect())
}

impl Manager {
    /// As the environment has it: `FDSTORE` is set by systemd 254 and later, and by our unit for those before.
    pub fn from_environment() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<usize>().ok());
        let room = number("FDSTORE").filter(|_| std::env::var_os("NOTIFY_SOCKET").is_some());
        Self { room: room.unwrap_or(0), gave: number("LISTEN_FDS").is_some_and(|count| count > 0) }
    }

    /// Whether it keeps listening sockets when this process ends, for the next.
    pub fn keeps_sockets(self) -> bool {
        self.room > 0 || self.gave
    }

    /// Tells it something, if it is there.
    pub fn notify(self, states: &[NotifyState<'_>]) {
        log(sd_notify::notify(states));
    }

    /// Has it keep the sockets of an address. It knows by itself which it has already.
    pub fn store(self, address: SocketAddr, sockets: &[TcpListener]) {
        if self.room == 0 {
            return;
        }
        if sockets.len() > self.room {
            tracing::warn!(
                %address,
                sockets = sockets.len(),
                room = self.room,
                "more sockets than FileDescriptorStoreMax= allows: a restart resets connections"
            );
        }
        let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().map(TcpListener::as_fd).collect();
        let states = [NotifyState::FdStore, NotifyState::FdName(&name(address))];
        for batch in descriptors.chunks(BATCH) {
            log(sd_notify::notify_with_fds(&states, batch));
        }
    }

    /// Has it close what it keeps of an address.
    pub fn forget(self, address: SocketAddr) {
        if self.room > 0 {
            self.notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(&name(address))]);
        }
    }
}

fn log(told: io::Result<()>) {
    if let Err(error) = told {
        tracing::debug!(%error, "cannot notify the service manager");
    }
}

/// An address as a name: colons stand between names.
fn name(address: SocketAddr) -> String {
    address.to_string().replace(':', "_")
}
