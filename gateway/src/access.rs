//! Access: a pure decision over facts, the page for those it refuses, and tokens for those it permits.

pub mod decide;
pub mod page;
pub mod token;

pub use decide::{Denial, Facts, Permit, Reason, decide};
