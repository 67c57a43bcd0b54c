//! Real clients: curl, OpenSSL, rustls under full control, and bare sockets.

mod curl;
mod http2;
mod openssl;
mod raw;
mod tls;

pub use curl::{Curl, Failed};
pub use http2::Http2;
pub use openssl::{Printed, SClient, SServer};
pub use raw::{Raw, UNRECOGNIZED_NAME};
pub use tls::{Connection, Tls, alert};
