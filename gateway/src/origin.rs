//! The way to origins: connections over TCP, TLS and unix sockets, those for HTTP kept and used again.

mod body;
mod check;
mod dial;
mod error;
mod health;
mod multiplexed;
mod origins;
mod pool;
mod race;
mod request;
mod resolve;
mod slot;
mod stream;
mod streams;
mod target;
mod tls;

pub use body::{BodyError, PooledBody};
pub use check::{Check, Checker};
pub use dial::{DialError, Dialer};
pub use error::OriginError;
pub use origins::{Balance, Origins};
pub use pool::{Limits, Pool};
pub use stream::Stream;
pub use streams::{Counted, Opened, Streams};
pub use target::Target;
pub use tls::{ClientTls, Identity, Roots, TlsToOrigin};
