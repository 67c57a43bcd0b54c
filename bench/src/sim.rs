//! Devices at work.

mod bad;
mod device;
mod fleet;
mod ledger;
mod mischief;
mod orders;
mod pause;
mod share;
mod squad;
mod summary;
mod tally;
pub(crate) mod time;
mod wire;

pub use bad::Bad;
pub use device::{Member, Role};
pub use fleet::{FleetError, Plan, UNKNOWN_HOST, kinds, load};
pub use ledger::{Counts, Ledger};
pub use orders::Orders;
pub use pause::Backoff;
pub use share::Share;
pub(crate) use share::come_first;
pub use squad::{Squad, StartError, Working};
pub use summary::{Summary, line};
pub use tally::{Reasons, Tally};
pub use wire::Wire;
