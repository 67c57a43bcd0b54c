//! Conditions of policies, kept from one compilation to the next: of ten thousand policies a change is about one.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::conditions::Conditions;
use crate::config::Policy;

/// What policies were compiled to that refer to nothing else, and so stay what they are.
#[derive(Default)]
pub(super) struct Kept(Mutex<HashMap<Same, Arc<Conditions>>>);

/// A policy as it was declared: the same one, not one that is like it.
struct Same(Arc<Policy>);

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Same {}

impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Kept {
    pub(super) fn get(&self, policy: &Arc<Policy>) -> Option<Arc<Conditions>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&Same(Arc::clone(policy))).cloned()
    }

    pub(super) fn keep(&self, policy: &Arc<Policy>, conditions: &Arc<Conditions>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(Same(Arc::clone(policy)), Arc::clone(conditions));
    }

    /// Forgets policies that are declared no more.
    pub(super) fn forget_unused(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|policy, _| Arc::strong_count(&policy.0) > 1);
    }
}
