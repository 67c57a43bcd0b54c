//! What verdicts come from beside a trust set: the cache, and the revocation index that each is held against.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use super::cache::VerdictCache;
use super::refusal::Refusal;
use super::revocation::{IssuerId, Revocation, RevocationIndex, RevokedBy, Standing};
use super::step::step;
use super::trust::Verified;

/// Verdicts, shared by every host and worker.
///
/// The index is asked on every handshake, hit or miss, so that loading a CRL leaves the cache alone. A handshake never
/// waits for a load: it reads whichever index is published.
pub struct Verdicts {
    /// Devices that verified.
    pub cache: VerdictCache,
    index: ArcSwap<RevocationIndex>,
    /// Moves with every change that may take a permit away.
    changes: watch::Sender<u64>,
    /// The index that it was told of that it has a gap.
    told_of_gap: AtomicU64,
    /// How often a device passed of which no CRL speaks.
    uncovered: AtomicU64,
}

impl Verdicts {
    /// An empty cache of `capacity` entries, and an index that revokes nothing.
    pub fn new(capacity: u32) -> Self {
        Self {
            cache: VerdictCache::new(capacity),
            index: ArcSwap::from_pointee(RevocationIndex::default()),
            changes: watch::Sender::new(0),
            told_of_gap: AtomicU64::new(0),
            uncovered: AtomicU64::new(0),
        }
    }

    /// The index in force.
    pub fn index(&self) -> Guard<Arc<RevocationIndex>> {
        step();
        self.index.load()
    }

    /// Puts another index in force, and has every open connection look at it.
    pub fn publish(&self, index: RevocationIndex) {
        step();
        self.index.store(Arc::new(index));
        self.announce();
    }

    /// Has every open connection look again at what it was permitted: a snapshot was published, for example.
    pub fn announce(&self) {
        step();
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Hears of every change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        step();
        self.changes.subscribe()
    }

    /// How many changes there have been.
    pub fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    /// What the index has against a device that verified. `now` in seconds since the epoch.
    ///
    /// # Errors
    /// The refusal, where it is revoked, or where nobody can know because its CA's CRL is overdue or not there.
    pub fn standing(&self, verified: &Verified, now: u64) -> Result<(), Refusal> {
        let index = self.index();
        match index.check(&verified.path, verified.identity.facts(), now) {
            Standing::Good => Ok(()),
            Standing::Revoked(Revocation { by: RevokedBy::Crl { .. }, .. }) => Err(Refusal::Revoked),
            Standing::Revoked(_) => Err(Refusal::DeniedLocally),
            Standing::CrlExpired { .. } => Err(Refusal::CrlExpired),
            Standing::CrlMissing { .. } => Err(Refusal::CrlMissing),
            Standing::NotCovered { issuer, .. } => {
                self.uncovered.fetch_add(1, Ordering::Relaxed);
                self.tell_of_gap(&index, &issuer);
                Ok(())
            }
        }
    }

    /// How often a device passed although the part of its CA's CRL that would list it is not loaded.
    pub fn uncovered(&self) -> u64 {
        self.uncovered.load(Ordering::Relaxed)
    }

    /// Says once for each index that a device passed of which no CRL speaks.
    fn tell_of_gap(&self, index: &RevocationIndex, issuer: &IssuerId) {
        if self.told_of_gap.swap(index.generation(), Ordering::Relaxed) != index.generation() {
            let issuer = index.issuer_name(issuer).unwrap_or_default();
            tracing::warn!(
                issuer,
                "a device passed although the part of the CA's CRL that would list it is not loaded; configure that part too"
            );
        }
    }
}

impl fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cache, index: _, changes, told_of_gap: _, uncovered: _ } = self;
        f.debug_struct("Verdicts")
            .field("cache", &cache.statistics())
            .field("changes", &*changes.borrow())
            .finish_non_exhaustive()
    }
}
