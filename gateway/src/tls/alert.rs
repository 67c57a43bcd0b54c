//! Alerts that rustls does not send.

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// A fatal `unrecognized_name` (RFC 6066, 3) in a record of its own (RFC 8446, 5.1 and 6).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Tells the peer that nobody here has the name it asked for, and closes.
pub async fn unrecognized_name(mut io: impl AsyncWrite + Unpin) {
    // A peer that is gone already needs no alert.
    if io.write_all(&UNRECOGNIZED_NAME).await.is_ok() {
        let _ = io.shutdown().await;
    }
}
