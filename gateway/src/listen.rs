//! Sockets, workers, limits.

mod arrive;
mod limiter;
mod origins;
mod proxied;
mod sockets;
mod worker;

pub use limiter::Limiter;
pub use origins::watch_origins;
pub use sockets::{BindError, Sockets};
pub use worker::{Shared, spawn};
