//! Sockets, workers, limits.

mod limiter;
mod proxied;
mod sockets;
mod worker;

pub use limiter::Limiter;
pub use sockets::{BindError, Sockets};
pub use worker::{Shared, spawn};
