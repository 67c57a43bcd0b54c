//! The verdict cache, as operators see it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::Control;
use crate::device::cache::Statistics;
use crate::device::identity::{Fingerprint, NotAFingerprint};
use crate::device::revocation::{IssuerId, issuer_name};

/// The devices of one CA that are in the cache.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// The CA's id.
    pub issuer: String,
    /// What its devices call it.
    pub name: String,
    /// Their serial numbers, in hexadecimal.
    pub serials: BTreeSet<String>,
}

impl Control {
    /// What the cache holds and has done.
    pub fn cache(&self) -> Statistics {
        self.shared.verdicts.cache.statistics()
    }

    /// Has the cache forget everybody; gives the number of verdicts.
    pub fn flush_cache(&self) -> usize {
        let flushed = self.shared.verdicts.cache.flush();
        tracing::info!(flushed, "verdict cache flushed");
        flushed
    }

    /// Has the cache forget the device with this certificate; gives the number of its verdicts.
    ///
    /// # Errors
    /// `fingerprint` is none.
    pub fn evict(&self, fingerprint: &str) -> Result<usize, NotAFingerprint> {
        let fingerprint: Fingerprint = fingerprint.parse()?;
        let evicted = self.shared.verdicts.cache.evict(&fingerprint);
        tracing::info!(fingerprint = fingerprint.hex(), evicted, "device evicted from the verdict cache");
        Ok(evicted)
    }

    /// The devices in the cache, by CA.
    pub fn seen(&self) -> Vec<Seen> {
        let cache = &self.shared.verdicts.cache;
        let count = usize::try_from(cache.statistics().entries).unwrap_or(0);
        let (mut leaves, mut ids) = (HashMap::new(), Vec::with_capacity(count));
        // Only copies here: text takes longer than insertions should wait.
        cache.walk(|verified| {
            if let (Some(id), Some(leaf)) = (verified.path.first(), verified.chain.first()) {
                leaves.entry(id.issuer).or_insert_with(|| Arc::clone(leaf));
                ids.push((id.issuer, id.serial));
            }
        });
        let mut serials: BTreeMap<IssuerId, BTreeSet<String>> = BTreeMap::new();
        for (issuer, serial) in ids {
            // A device of several trust sets has several verdicts.
            serials.entry(issuer).or_default().insert(serial.to_string());
        }
        let name = |issuer: &IssuerId| {
            leaves.get(issuer).and_then(|leaf| issuer_name(leaf).ok()).unwrap_or_default()
        };
        let seen = serials.into_iter().map(|(issuer, serials)| Seen {
            issuer: issuer.to_string(),
            name: name(&issuer),
            serials,
        });
        seen.collect()
    }
}
