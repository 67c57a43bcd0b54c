//! Bytes from one side to the other, both ways, without a buffer of its own while nothing moves.
//!
//! A way reads into the thread's scratch buffer and hands what it got to the other side in the same poll. Only what
//! that side does not take at once is copied, and nothing more is read before it has gone: at most one buffer a way
//! waits, and an idle connection holds none.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::model::tls_record;

/// Bytes that are read at once: full TLS records. rustls takes up to 64 KiB of them when it has nothing to send, so that
/// nothing is left over towards a device that keeps up.
const SCRATCH: usize = 2 * tls_record::CONTENT;

/// Where in its page the buffer starts: away from where records start, see [`tls_record::CONTENT`].
const INDENT: usize = 1024;

/// Buffers that one way moves before others have their turn.
const TURN: usize = 8;

thread_local! {
    /// Borrowed within a poll only.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; INDENT + SCRATCH].into_boxed_slice());
}

/// Why a relay ended before both sides were done.
#[derive(Debug)]
pub(super) enum Broken<R> {
    /// Reading from one of the sides.
    Read(io::Error),
    /// Writing to one of the sides.
    Write(io::Error),
    /// What came may not go on.
    Refused(R),
}

/// One way: what comes from one side goes to the other.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// What the other side has not taken yet; from `sent` on.
    left: Vec<u8>,
    sent: usize,
    phase: Phase,
    /// Bytes that came.
    pub(super) bytes: u64,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Open,
    /// The one side is at its end, and the other has to hear of it.
    Ending,
    /// The other has heard of it.
    Done,
}

impl Way {
    /// A way on which `first` comes before everything else. It is not counted.
    pub(super) fn after(first: Vec<u8>) -> Self {
        Self { left: first, ..Self::default() }
    }

    /// Whether something waits for its other side.
    pub(super) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Whether its end has been passed on.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Moves what can be moved. `moved` sees each piece before it goes on, and may refuse it.
    ///
    /// # Errors
    /// The side that is gone, or the refusal.
    pub(super) fn poll<S, T, R>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut S,
        to: &mut T,
        mut moved: impl FnMut(&[u8]) -> Result<(), R>,
    ) -> Poll<Result<(), Broken<R>>>
    where
        S: AsyncRead + Unpin,
        T: AsyncWrite + Unpin,
    {
        for _ in 0..TURN {
            ready!(self.send_left(cx, to)).map_err(Broken::Write)?;
            match self.phase {
                Phase::Open => ready!(self.step(cx, from, to, &mut moved))?,
                Phase::Ending => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx)).map_err(Broken::Write)?;
                    self.phase = Phase::Done;
                }
                Phase::Done => return Poll::Ready(Ok(())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what is left over, and what the other side holds itself: TLS has buffers of its own.
    fn send_left<T: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut T) -> Poll<io::Result<()>> {
        while let Some(rest) = self.left.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut *to).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        (self.left, self.sent) = (Vec::new(), 0);
        if self.is_done() { Poll::Ready(Ok(())) } else { Pin::new(to).poll_flush(cx) }
    }

    /// Reads once and writes it.
    fn step<S, T, R>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut S,
        to: &mut T,
        moved: &mut impl FnMut(&[u8]) -> Result<(), R>,
    ) -> Poll<Result<(), Broken<R>>>
    where
        S: AsyncRead + Unpin,
        T: AsyncWrite + Unpin,
    {
        BUFFER.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch.get_mut(INDENT..).unwrap_or_default());
            ready!(Pin::new(from).poll_read(cx, &mut buffer)).map_err(Broken::Read)?;
            let piece = buffer.filled();
            if piece.is_empty() {
                self.phase = Phase::Ending;
                return Poll::Ready(Ok(()));
            }
            self.bytes += piece.len() as u64;
            moved(piece).map_err(Broken::Refused)?;
            Poll::Ready(self.write(cx, to, piece).map_err(Broken::Write))
        })
    }

    /// Writes what the other side takes at once, and keeps the rest.
    fn write<T: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut T,
        mut piece: &[u8],
    ) -> io::Result<()> {
        while !piece.is_empty() {
            match Pin::new(&mut *to).poll_write(cx, piece) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(sent)) => piece = piece.get(sent..).unwrap_or_default(),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.left = piece.to_vec();
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
