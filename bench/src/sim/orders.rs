//! What the devices of a squad are told while they work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

/// Orders to the devices of a squad, from whichever thread. Devices are meant by their number: those below a bound.
#[derive(Debug)]
pub struct Orders {
    cut: watch::Sender<u64>,
    renewed: AtomicUsize,
    revoked: Mutex<Vec<(usize, Instant)>>,
}

impl Default for Orders {
    fn default() -> Self {
        Self { cut: watch::Sender::new(0), renewed: AtomicUsize::default(), revoked: Mutex::default() }
    }
}

impl Orders {
    /// Cuts every connection that is open now, as a network does that goes away: by a reset.
    pub fn cut(&self) {
        self.cut.send_modify(|generation| *generation += 1);
    }

    /// Devices below `number` have their next certificate from their next report on.
    pub fn renew_below(&self, number: usize) {
        self.renewed.fetch_max(number, Ordering::Relaxed);
    }

    /// Devices below `number` are revoked as of now: nothing else than a refusal is right for them.
    pub fn revoke_below(&self, number: usize) {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).push((number, Instant::now()));
    }

    /// Hears of every cut.
    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cut.subscribe()
    }

    pub(super) fn is_renewed(&self, number: usize) -> bool {
        number < self.renewed.load(Ordering::Relaxed)
    }

    pub(super) fn revoked(&self, number: usize) -> Option<Instant> {
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.iter().find(|(below, _)| number < *below).map(|(_, since)| *since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_revoked_since_it_was_first_listed() {
        let orders = Orders::default();
        orders.revoke_below(2);
        let first = orders.revoked(1).unwrap();
        orders.revoke_below(5);
        assert_eq!(orders.revoked(1), Some(first));
        assert!(orders.revoked(4).unwrap() >= first);
        assert_eq!(orders.revoked(5), None);
    }
}
