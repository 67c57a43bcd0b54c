//! How often, and how much: token buckets by key, in bounded memory, and what each device may do.

mod buckets;
mod devices;
mod pace;
mod record;
mod seat;
mod table;
mod who;

pub use buckets::{Buckets, admit};
pub use devices::Devices;
pub use pace::Pace;
pub use record::Direction;
pub use seat::Seat;
pub use table::{Table, Used};
pub use who::{Who, source_key};
