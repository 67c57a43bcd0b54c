//! Sockets, workers, limits.

mod accept;
mod arrive;
mod evidence;
mod give_back;
mod inherited;
mod last_call;
mod limiter;
mod listeners;
mod origins;
mod proxied;
mod seats;
mod sockets;
mod worker;

pub use crate::connection::Phase;
pub use inherited::Inherited;
pub use limiter::Limiter;
pub use listeners::{Feed, Listener, Listeners, Plan};
pub use origins::watch_origins;
pub use seats::{Flow, Mailbox, Seats, seating, without_worker};
pub use sockets::{BACKLOG, BindError};
pub use worker::{Shared, spawn};

/// How a listener ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nobody else has its sockets: whoever was answered before is accepted, then they close.
    LastCall,
    /// Somebody else has them, and accepts whoever waits.
    Left,
}
