//! What is served to operators and their tools: the admin socket and the probes.

mod admin;
mod probes;

pub use admin::{AdminError, AdminSocket};
pub use probes::serve as serve_probes;
