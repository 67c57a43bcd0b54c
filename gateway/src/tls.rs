//! From an accepted socket to an authenticated connection: hello, host, handshake.

pub mod alert;
mod close;
pub mod handshake;
mod recorded;

pub use close::close;
pub use handshake::{Accepted, Arrived, HandshakeError, Through, accept};
