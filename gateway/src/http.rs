//! The HTTP pipeline: per request, host check, decision, forwarding.

mod connection;
mod forward;
mod headers;
mod request_body;
mod serve;

pub use connection::Context;
pub use request_body::RequestBody;
pub use serve::serve;
