//! Where deliveries are recorded: what the keeper wants of the control side.

use std::sync::Arc;

use super::message::Sender;
use crate::resource::Inventory;
use crate::store::Write;

/// A place for records that outlives the process.
pub trait Book: Send + Sync + 'static {
    /// Leave to deliver and record. While somebody has it, no other gateway takes over.
    type Leave: Send + Sync + 'static;

    /// Every resource, as of now.
    fn resources(&self) -> Arc<Inventory>;

    /// In whose names alerts are sent.
    fn sender(&self) -> Sender;

    /// None while another gateway takes over, and once it has.
    fn begin(&self) -> Option<Self::Leave>;

    /// Records, on the disk when it returns.
    ///
    /// # Errors
    /// Nothing is recorded.
    fn write(&self, leave: &Self::Leave, writes: Vec<Write>) -> Result<(), BookError>;
}

/// Why nothing is recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// There is nowhere to keep anything.
    #[error("server.state_dir is not set: which alerts were sent is forgotten at the next start")]
    Nowhere,
    /// Not now.
    #[error("{0}")]
    Refused(String),
}
