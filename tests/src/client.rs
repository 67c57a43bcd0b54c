//! Real clients: curl, OpenSSL, rustls under full control, and bare sockets.

mod curl;
mod openssl;
mod raw;
mod tls;

pub use curl::{Curl, Failed};
pub use openssl::{Printed, SClient, SServer};
pub use raw::{Raw, UNRECOGNIZED_NAME};
pub use tls::{Connection, Tls, alert};
