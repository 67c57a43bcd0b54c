//! Byte streams: once per connection, decision, origin, and then bytes both ways for as long as the permit holds.

mod log;
mod mqtt;
mod open;
mod proxy_header;
mod run;
mod seat;
mod serve;

pub use mqtt::Refusal;
pub use serve::{Context, Ends, serve, serve_through};
