//! The end of a connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::AsyncWrite;

/// Says goodbye, as far as that is possible without waiting.
pub async fn close(device: &mut (impl AsyncWrite + Unpin)) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *device).poll_shutdown(cx);
        Poll::Ready(())
    })
    .await;
}
