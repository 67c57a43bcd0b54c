//! The MQTT guard: which device says that it is which client.

mod connect;
mod field;
mod framing;
mod guard;
mod guarded;
mod read;
mod refusal;

pub(super) use connect::Connect;
pub(super) use guard::check;
pub(super) use guarded::Guarded;
pub(super) use read::read;
pub use refusal::Refusal;
pub(super) use refusal::Refused;
