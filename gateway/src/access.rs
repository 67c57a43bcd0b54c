//! Access: a pure decision over facts, the page for those it refuses, and tokens for those it permits.

pub mod conditions;
pub mod cors;
pub mod decide;
pub mod directory;
pub mod geo;
pub mod groups;
pub mod networks;
pub mod page;
mod paths;
pub mod resolve;
pub mod service_tokens;
pub mod sessions;
pub mod table;
pub mod token;
pub mod trace;

pub use decide::{Denial, Facts, Permit, Reason, decide};
pub use service_tokens::{Presented, ServiceTokens};
pub use sessions::Sessions;
pub use table::AccessTable;
pub use trace::{Trace, trace};
