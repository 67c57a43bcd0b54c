//! From an accepted socket to an authenticated connection: hello, host, handshake.

pub mod alert;
pub mod handshake;
mod recorded;

pub use handshake::{Accepted, Arrived, Greeted, HandshakeError, Packed, Through, greet};
