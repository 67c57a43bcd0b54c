//! From one process to the next: listening sockets outlive the program that accepts on them.
//!
//! A gateway that is upgraded starts its successor, which inherits the sockets, gets ready, and says so; only then does the
//! old one stop accepting. A service manager can keep the sockets too, and give them to whatever it starts.

mod manager;
mod predecessor;
mod successor;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use manager::{Manager, listening};
pub use predecessor::Predecessor;
pub use successor::{HandoverError, Program, Successor};

/// The environment variable that tells a successor of its descriptors: the channel to the gateway before, a colon, and
/// listening sockets with commas between.
const VARIABLE: &str = "FLEETGATE_HANDOVER";

/// What a successor says, on one line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    /// It accepts connections, those of these addresses on the sockets that it was given.
    Ready(Vec<SocketAddr>),
    /// It did not start.
    Failed(String),
}

/// What the gateway before answers a report: it accepts nothing more, and writes nothing more to `server.state_dir`.
const YOURS: u8 = b'\n';
