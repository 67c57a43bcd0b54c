//! The way to origins: connections over TCP, TLS and unix sockets, those for HTTP kept and used again.

mod body;
mod dial;
mod pool;
mod race;
mod resolve;
mod stream;
mod target;
mod tls;

pub use body::PooledBody;
pub use dial::{DialError, Dialer};
pub use pool::{Limits, OriginError, Pool};
pub use stream::Stream;
pub use target::{Target, TlsToOrigin};
pub use tls::{Identity, client_config};
