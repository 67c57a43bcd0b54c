//! The new gateway's side: what it was given, and its report.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::{Report, VARIABLE, YOURS};

/// How long the gateway before may take to stop accepting.
const PATIENCE: Duration = Duration::from_secs(30);

/// The gateway that started this process to take its place.
#[derive(Debug)]
pub struct Predecessor {
    channel: UnixStream,
}

impl Predecessor {
    /// The gateway before, if there is one, and the sockets that it gave. To be asked once.
    ///
    /// # Errors
    /// The environment names descriptors that this process does not have.
    pub fn find() -> io::Result<Option<(Self, Vec<OwnedFd>)>> {
        let Some(value) = std::env::var(VARIABLE).ok().filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let odd = || io::Error::new(io::ErrorKind::InvalidInput, format!("{VARIABLE} is {value}"));
        let (channel, sockets) = value.split_once(':').ok_or_else(odd)?;
        let parse = |word: &str| word.parse::<RawFd>().map_err(|_| odd());
        let channel = adopt(parse(channel)?)?;
        let sockets = sockets.split(',').filter(|word| !word.is_empty()).map(|word| adopt(parse(word)?));
        let predecessor = Self { channel: UnixStream::from(channel) };
        Ok(Some((predecessor, sockets.collect::<io::Result<_>>()?)))
    }

    /// Says that connections are accepted, those of `taken` on the sockets that were given; then waits until the gateway
    /// before accepts nothing any more.
    ///
    /// # Errors
    /// It has ended or was stopped instead: this process is not wanted.
    pub async fn take_over(mut self, taken: Vec<SocketAddr>) -> io::Result<()> {
        self.report(&Report::Ready(taken))?;
        self.channel.set_nonblocking(true)?;
        let mut channel = tokio::net::UnixStream::from_std(self.channel)?;
        match timeout(PATIENCE, channel.read_u8()).await?? {
            YOURS => Ok(()),
            other => Err(io::Error::other(format!("the gateway before said {other}"))),
        }
    }

    /// Says why this process ends.
    pub fn fail(mut self, error: &impl ToString) {
        // Whoever is gone need not know.
        let _ = self.report(&Report::Failed(error.to_string()));
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        let line = serde_json::to_string(report).map_err(io::Error::other)?;
        self.channel.write_all(format!("{line}\n").as_bytes())
    }
}

/// Makes a descriptor that was inherited this process's own.
fn adopt(descriptor: RawFd) -> io::Result<OwnedFd> {
    if descriptor < 3 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is not -1, and is looked at before anything else relies on its being open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // SAFETY: it is open, and was left open for this alone: nothing else in this process knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
