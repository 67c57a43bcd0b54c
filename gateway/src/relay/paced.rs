//! One side of a stream, which is read from as fast as its device may send, or be sent to.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limit::Pace;

/// A side, and its pace, if it has one.
pub struct Paced<S> {
    side: S,
    /// In a box: most streams have none.
    pace: Option<Box<Pace>>,
}

impl<S> Paced<S> {
    /// A side that is read from within `pace`.
    pub fn new(side: S, pace: Option<Pace>) -> Self {
        Self { side, pace: pace.map(Box::new) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { side, pace } = self.get_mut();
        let Some(pace) = pace else { return Pin::new(side).poll_read(cx, buffer) };
        ready!(pace.poll_ready(cx));
        let before = buffer.filled().len();
        ready!(Pin::new(side).poll_read(cx, buffer))?;
        pace.moved(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().side).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().side).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().side).poll_shutdown(cx)
    }
}
