//! Metrics that nobody counts while something happens: they are looked up when they are asked for, or follow the snapshot.

use super::Control;
use crate::config::ClientAuth;
use crate::device::ca::Uploaded;
use crate::model::kind::Kind;

impl Control {
    /// All metrics, brought up to date.
    pub fn metrics(&self) -> Vec<u8> {
        // Without the state's lock: a write to a slow disk has the store's.
        let is_healthy = self.store.problem().is_none();
        let mut state = self.lock();
        let metrics = &self.shared.metrics;
        state.plane.report(metrics);
        let cache = self.shared.verdicts.cache.statistics();
        let before = std::mem::replace(&mut state.cache_reported, cache);
        metrics.cache_hits.inc_by(cache.hits - before.hits);
        metrics.cache_misses.inc_by(cache.misses - before.misses);
        metrics.cache_evictions.inc_by(cache.evictions - before.evictions);
        metrics.cache_entries.set(cache.entries.cast_signed());
        metrics.cache_capacity.set(cache.capacity.cast_signed());
        // Both only rise, and nothing else counts up this one.
        metrics.crl_uncovered.inc_by(self.shared.verdicts.uncovered() - metrics.crl_uncovered.get());
        metrics.store_healthy.set(i64::from(is_healthy));
        self.report_tokens(&mut state.tokens_reported);
        metrics.render()
    }

    /// When certificates expire, and how many CAs each host trusts.
    pub(super) fn describe_certificates(&self) {
        let (snapshot, inventory) = (self.shared.snapshot.load(), self.resources());
        let metrics = &self.shared.metrics;
        metrics.certificate_not_after.reset();
        metrics.trust_anchors.reset();
        let expiry = |kind, name: &str, not_after: u64| {
            metrics.certificate_not_after.with_label_values(&[kind, name]).set(not_after.cast_signed());
        };
        for host in snapshot.hosts() {
            if host.tls.is_some() {
                expiry("host", &host.label, host.certificate_not_after);
            }
            let anchors = host.trust.anchors();
            // A host that asks nobody for certificates trusts no CA, and that is not worth an alert.
            if host.client_auth != ClientAuth::None {
                metrics
                    .trust_anchors
                    .with_label_values(&[&*host.label])
                    .set(anchors.len().try_into().unwrap_or(i64::MAX));
            }
        }
        for bundle in inventory.list(Kind::Certificate).filter_map(|it| it.bundle) {
            // A label for each of several would be one for each renewal.
            let anchors = bundle.anchors.iter().map(|anchor| anchor.not_after).min();
            let is_anchor = |uploaded: &Uploaded| bundle.anchors.iter().any(|it| uploaded.is(&it.der));
            let others = bundle.uploaded.iter().filter(|uploaded| !is_anchor(uploaded));
            let others = others.map(|uploaded| uploaded.not_after).min();
            for (kind, not_after) in [("ca", anchors), ("intermediate", others)] {
                if let Some(not_after) = not_after {
                    expiry(kind, &bundle.name, not_after);
                }
            }
        }
    }
}
