//! Byte streams: once per connection, decision, origin, and then bytes both ways for as long as the permit holds.

mod account;
mod clock;
mod end;
mod mqtt;
mod open;
mod paced;
mod proxy_header;
mod relay;
mod run;
mod seat;
mod serve;

pub use end::End;
pub use mqtt::Refusal;
pub use serve::{Context, Ends, serve, serve_through};
