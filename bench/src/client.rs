//! A device's side of the wire: TLS with an identity, then HTTP/1.1 or HTTP/2.

mod connect;
mod failure;
mod identity;
mod session;

pub(crate) use connect::tcp;
pub use connect::{Connector, Group, SetupError, Target};
pub use failure::Failure;
pub use identity::{Identity, LoadError, Trust};
pub use session::{Answer, Session};
