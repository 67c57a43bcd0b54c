//! A device's side of the wire: TLS with an identity, then HTTP/1.1 or HTTP/2.

mod connect;
mod failure;
mod identity;
mod listed;
mod profile;
mod session;

pub(crate) use connect::tcp;
pub use connect::{Connector, Target};
pub use failure::{Failure, Refusal};
pub use identity::{Identity, LoadError, Trust};
pub use listed::{ManifestError, listed};
pub use profile::{Group, Profile, SetupError, Version};
pub use session::{Answer, Session};
