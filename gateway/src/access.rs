//! Access: a pure decision over facts, and the page for those it refuses.

pub mod conditions;
pub mod cors;
pub mod decide;
pub mod geo;
pub mod groups;
pub mod networks;
pub mod page;
mod paths;
pub mod resolve;
pub mod service_tokens;
pub mod table;
pub mod trace;

pub use decide::{Denial, Facts, Permit, Reason, decide};
pub use service_tokens::{Presented, ServiceTokens};
pub use table::AccessTable;
pub use trace::{Trace, trace};
