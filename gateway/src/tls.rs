//! From an accepted socket to an authenticated connection: hello, host, handshake.

pub mod alert;
pub mod handshake;

pub use handshake::{Accepted, HandshakeError, accept};
