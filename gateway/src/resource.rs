//! Resources of the file and of the store, as one: parsed by the same parsers, and listed in the same shapes.

mod inventory;
mod merge;
mod stored;

pub use inventory::{FileResources, Inventory, Origin, Resource};
pub use merge::merge;
pub use stored::Stored;

#[cfg(test)]
mod tests;
