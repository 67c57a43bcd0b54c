//! Devices at work.

mod device;
mod fleet;
mod statistics;
mod summary;

pub use device::{Bad, Behaviour};
pub use fleet::{Fleet, FleetError, Plan};
pub use statistics::{Counts, Statistics};
pub use summary::Summary;
