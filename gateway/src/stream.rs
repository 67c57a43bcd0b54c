//! Byte streams: once per connection, decision, origin, and then bytes both ways for as long as the permit holds.

mod account;
mod clock;
mod end;
mod proxy_header;
mod relay;
mod serve;

pub use end::End;
pub use serve::{Context, Ends, serve};
