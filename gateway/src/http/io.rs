//! A device's connection as hyper reads and writes it, and as it is when it is taken out of hyper.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::relay;

/// A connection, and what was read from it too early.
pub(super) struct Io {
    stream: Box<TlsStream<TcpStream>>,
    first: Bytes,
    quiet: Quiet,
}

/// Whether nothing is on its way in a connection: there was nothing more to read, and everything that was written is with
/// the kernel. Atomic, because hyper wants to be able to send what is switched to another thread.
#[derive(Clone, Debug)]
pub(super) struct Quiet(Arc<(AtomicBool, AtomicBool)>);

impl Quiet {
    pub(super) fn is(&self) -> bool {
        let (drained, flushed) = &*self.0;
        drained.load(Ordering::Relaxed) && flushed.load(Ordering::Relaxed)
    }

    fn drained(&self, is: bool) {
        self.0.0.store(is, Ordering::Relaxed);
    }

    fn flushed(&self, is: bool) {
        self.0.1.store(is, Ordering::Relaxed);
    }
}

impl Io {
    pub(super) fn new(stream: Box<TlsStream<TcpStream>>) -> Self {
        // A handshake that is done has been sent.
        let quiet = Quiet(Arc::new((AtomicBool::new(false), AtomicBool::new(true))));
        Self { stream, first: Bytes::new(), quiet }
    }

    pub(super) fn quiet(&self) -> Quiet {
        self.quiet.clone()
    }

    /// The same, where these octets are read before others.
    pub(super) fn with(self, first: Bytes) -> Self {
        Self { first, ..self }
    }

    /// Waits for octets or for the end, and leaves them where they are. False when the peer has reset the connection. Whoever
    /// was told that there is nothing more to read may wait: rustls has nothing then.
    pub(super) async fn readable(&self) -> bool {
        let tcp = self.stream.get_ref().0;
        // Other errors are found again by who reads.
        match tcp.ready(Interest::READABLE).await {
            Ok(ready) if ready.is_read_closed() => !tcp.take_error().is_ok_and(|error| error.is_some()),
            _ => true,
        }
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        relay::close(&mut *self.stream).await;
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.first.is_empty() {
            let piece = this.first.split_to(this.first.len().min(buf.remaining()));
            buf.put_slice(&piece);
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut *this.stream).poll_read(cx, buf);
        this.quiet.drained(read.is_pending());
        read
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.quiet.flushed(false);
        Pin::new(&mut *this.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.quiet.flushed(false);
        Pin::new(&mut *this.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut *this.stream).poll_flush(cx);
        this.quiet.flushed(matches!(flushed, Poll::Ready(Ok(()))));
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().stream).poll_shutdown(cx)
    }
}
