//! A device simulator, and measurements beside what others take for the same work.
//!
//! Nothing here shares code with the gateway: a client that made the same mistake as the server would not notice.

pub mod cli;
pub mod client;
pub mod flood;
pub mod floor;
pub mod latency;
pub mod load;
pub mod machine;
pub mod measure;
pub mod origin;
pub mod pki;
pub mod server;
pub mod sim;
pub mod suite;
