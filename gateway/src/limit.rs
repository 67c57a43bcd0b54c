//! How often, and how much: token buckets by key, in bounded memory, what each device may do, and how sources stand.

mod bans;
mod buckets;
mod devices;
mod pace;
mod record;
mod reputation;
mod seat;
mod standing;
mod table;
mod voices;
mod who;

pub use bans::{Banned, Bans};
pub use buckets::{Buckets, admit, admit_atomic};
pub use devices::Devices;
pub use pace::Pace;
pub use record::Direction;
pub use reputation::{Offence, Offender, Reputation};
pub use seat::Seat;
pub use standing::Standing;
pub use table::{Table, Used};
pub use voices::Voice;
pub use who::{Who, source_key};
