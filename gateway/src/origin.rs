//! The way to origins: connections over plain HTTP/1.1, kept and used again.

mod body;
mod pool;

pub use body::PooledBody;
pub use pool::{Limits, OriginError, Pool};
