//! Byte streams: once per connection, decision, origin, and then bytes both ways for as long as the permit holds.

mod limits;
mod log;
mod mqtt;
mod open;
mod proxy_header;
mod run;
mod serve;

pub use limits::DeviceLimits;
pub use mqtt::Refusal;
pub use serve::{Context, Ends, serve, serve_through};
