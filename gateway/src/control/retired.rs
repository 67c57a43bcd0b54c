//! Snapshots that are no longer in force. Their policies are thousands of small pieces of memory, and whoever lets go of one last
//! gives all of them back: that is not to be a worker, between two requests.

use std::sync::{Arc, Mutex, PoisonError};

use crate::snapshot::Snapshot;

/// Snapshots that somebody may still hold.
#[derive(Default)]
pub(super) struct Retired(Mutex<Vec<Arc<Snapshot>>>);

impl Retired {
    /// Keeps one that was just replaced.
    pub(super) fn keep(&self, snapshot: Arc<Snapshot>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(snapshot);
    }

    /// Gives back those that nobody else holds. Streams hold their host for as long as they run.
    pub(super) fn give_back(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free: Vec<_> = kept.extract_if(.., |snapshot| is_free(snapshot)).collect();
        // Whoever publishes next does not wait for it.
        drop(kept);
        drop(free);
    }
}

/// It was replaced, so that nobody can come to hold it who does not.
fn is_free(snapshot: &Arc<Snapshot>) -> bool {
    Arc::strong_count(snapshot) == 1 && snapshot.hosts().all(|host| Arc::strong_count(host) == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Site;

    #[test]
    fn what_somebody_holds_is_kept_until_nobody_does() {
        let snapshot = Arc::new(Site::new().host("iot.example.com").compile().unwrap().snapshot);
        let (weak, host) = (Arc::downgrade(&snapshot), snapshot.hosts().next().map(Arc::clone));
        let retired = Retired::default();
        retired.keep(snapshot);
        retired.give_back();
        assert!(weak.upgrade().is_some(), "a connection has its host");
        drop(host);
        retired.give_back();
        assert!(weak.upgrade().is_none());
    }
}
