//! The HTTP pipeline: per request, host check, decision, forwarding.

mod audit;
mod bodies;
mod bounds;
mod connection;
mod denied;
mod forward;
mod headers;
mod held;
mod http1;
mod identity_headers;
mod io;
mod own;
mod refused;
mod request_body;
mod requested_host;
mod seating;
mod serve;
mod trace;
mod unread;
mod upgrade;
mod watch;

pub use bounds::{BodyError, Fault};
pub use connection::Context;
pub use request_body::RequestBody;
pub use serve::serve;
