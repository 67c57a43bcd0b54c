//! Sockets, workers, limits.

mod limiter;
mod origins;
mod reputation;
mod sockets;
mod worker;

pub use limiter::Limiter;
pub use origins::watch_origins;
pub use reputation::{Offence, Offender, Reputation};
pub use sockets::{BindError, Sockets};
pub use worker::{Shared, spawn};
