//! What is in force, for Prometheus.

use super::prepare::Prepared;
use crate::device::revocation::{DenyList, RevocationIndex};
use crate::telemetry::Metrics;

/// Brings the metrics in step with what is published.
pub(super) fn describe(prepared: &Prepared, index: &RevocationIndex, metrics: &Metrics) {
    metrics.crl_entries.reset();
    metrics.crl_next_update.reset();
    for (authority, sources) in prepared.by_authority() {
        let crls = || sources.iter().flat_map(|source| &source.crls);
        let label = &[&*authority.name];
        if !sources.is_empty() {
            let entries: usize = crls().map(|crl| crl.len()).sum();
            metrics.crl_entries.with_label_values(label).set(count(entries));
        }
        if let Some(due) = crls().filter_map(|crl| crl.next_update).min() {
            metrics.crl_next_update.with_label_values(label).set(due.cast_signed());
        }
    }
    attempts(prepared, metrics);
    let with_sha1 = prepared.authorities.iter().filter(|authority| authority.allow_sha1).count();
    metrics.sha1_authorities.set(count(with_sha1));
    metrics.crl_bytes.set(count(index.heap_bytes()));
    denied(index.denied(), metrics);
}

/// Says when sources loaded last.
pub(super) fn attempts(prepared: &Prepared, metrics: &Metrics) {
    metrics.crl_last_success.reset();
    for (authority, sources) in prepared.by_authority() {
        let times = sources.iter().map(|source| source.last_success.unwrap_or(0));
        if let Some(oldest) = times.min() {
            metrics.crl_last_success.with_label_values(&[&*authority.name]).set(oldest.cast_signed());
        }
    }
}

/// Says how much is denied.
pub(super) fn denied(list: &DenyList, metrics: &Metrics) {
    metrics.denied_devices.set(count(list.len()));
}

fn count(number: usize) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
