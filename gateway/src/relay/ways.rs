//! Both ways between a device and an origin.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::end::End;
use super::way::{Broken, Way};

/// Both ways.
#[derive(Debug, Default)]
pub struct Ways {
    up: Way,
    down: Way,
}

impl Ways {
    /// Ways of which the origin's gets `first` before everything else. It is not counted.
    pub fn after(first: Vec<u8>) -> Self {
        Self { up: Way::after(first), down: Way::default() }
    }

    /// Bytes that have come from the device, and from the origin.
    pub fn bytes(&self) -> [u64; 2] {
        [self.up.bytes, self.down.bytes]
    }

    /// Whether something waits for the device.
    pub fn has_left_for_device(&self) -> bool {
        self.down.has_left()
    }

    /// Moves bytes both ways. Ready once both sides are at their end, or when one is gone or refused.
    ///
    /// `from_device` and `from_origin` see each piece before it goes on; the first may refuse it, with a reason.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        device: &mut (impl AsyncRead + AsyncWrite + Unpin),
        origin: &mut (impl AsyncRead + AsyncWrite + Unpin),
        from_device: impl FnMut(&[u8]) -> Result<(), &'static str>,
        mut from_origin: impl FnMut(&[u8]),
    ) -> Poll<End> {
        let up = match self.up.poll(cx, device, origin, from_device) {
            Poll::Ready(Err(broken)) => return Poll::Ready(end(broken, End::DeviceLost, End::OriginLost)),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        let seen = |piece: &[u8]| {
            from_origin(piece);
            Ok(())
        };
        match self.down.poll(cx, origin, device, seen) {
            Poll::Ready(Err(broken)) => Poll::Ready(end(broken, End::OriginLost, End::DeviceLost)),
            Poll::Ready(Ok(())) if up => Poll::Ready(End::Closed),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

/// The end that a way comes to when it breaks off.
fn end(broken: Broken<&'static str>, reading: End, writing: End) -> End {
    let (end, error) = match broken {
        Broken::Read(error) => (reading, error),
        Broken::Write(error) => (writing, error),
        Broken::Refused(reason) => return End::Refused(reason),
    };
    tracing::debug!(end = end.label(), %error, "stream broke off");
    end
}

/// Says goodbye, as far as that is possible without waiting.
pub async fn close(side: &mut (impl AsyncWrite + Unpin)) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *side).poll_shutdown(cx);
        Poll::Ready(())
    })
    .await;
}
