//! Bytes between a device and an origin, both ways, for as long as nothing ends them: byte streams, and HTTP connections
//! that were upgraded.

mod account;
mod clock;
mod end;
mod paced;
mod run;
mod way;
mod ways;

pub use account::Account;
pub use clock::Clock;
pub use end::End;
pub use paced::Paced;
pub use run::{Watched, run};
pub use ways::{Ways, close};
