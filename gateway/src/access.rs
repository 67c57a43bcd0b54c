//! Access: a pure decision over facts, and the page for those it refuses.

pub mod decide;
pub mod page;

pub use decide::{Denial, Facts, Permit, Reason, decide};
