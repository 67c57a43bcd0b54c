//! Test messages to several at once: one who does not answer holds up nobody else.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::desk::Desk;
use super::keeper::AT_ONCE;
use super::send::SendError;
use crate::model::alert::Recipient;
use crate::resource::Inventory;

/// What became of a test message.
#[derive(Debug)]
pub struct Tried {
    /// To whom.
    pub recipient: Recipient,
    /// What the operator calls them.
    pub name: String,
    /// How it went.
    pub sent: Result<(), SendError>,
}

impl Desk {
    /// Sends test messages now, and says how it went, in the order of `to`.
    pub async fn test_all(
        self: Arc<Self>,
        inventory: Arc<Inventory>,
        to: Vec<(Recipient, String)>,
        now: u64,
    ) -> Vec<Tried> {
        let (mut tasks, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
        for (position, (recipient, name)) in to.into_iter().enumerate() {
            let (desk, inventory, places) = (Arc::clone(&self), Arc::clone(&inventory), Arc::clone(&places));
            tasks.spawn(async move {
                // Nobody closes it.
                let _place = places.acquire().await;
                let sent = desk.test(&inventory, &recipient, now).await;
                (position, Tried { recipient, name, sent })
            });
        }
        let mut tried = tasks.join_all().await;
        tried.sort_by_key(|(position, _)| *position);
        tried.into_iter().map(|(_, tried)| tried).collect()
    }
}
