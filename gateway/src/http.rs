//! The HTTP pipeline: per request, host check, decision, forwarding.

mod audit;
mod connection;
mod denied;
mod forward;
mod headers;
mod held;
mod identity_headers;
mod own;
mod request_body;
mod serve;
mod trace;
mod upgrade;
mod watch;

pub use connection::Context;
pub use request_body::RequestBody;
pub use serve::serve;
