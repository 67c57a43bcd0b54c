//! What each device does at each host, whichever worker it comes to and however many connections it has.

use std::sync::Arc;
use std::time::Instant;

use fleetgate_ebpf::gcra::Rate;

use super::record::Record;
use super::seat::Seat;
use super::table::Table;
use super::who::Who;
use crate::model::limit::DeviceLimit;
use crate::telemetry::Metrics;

/// Records of devices, as many as there is room for.
pub struct Devices {
    /// The clock of the buckets starts here.
    epoch: Instant,
    records: Table<(Arc<str>, Who), Arc<Record>>,
    /// Shared by those whom there was no room for.
    overflow: Arc<Record>,
    metrics: Metrics,
}

impl Devices {
    /// Remembers `max` devices at once; a device counts once for each host.
    pub fn new(max: u32, metrics: Metrics) -> Self {
        let (records, overflow) = (Table::new(max), Arc::default());
        Self { epoch: Instant::now(), records, overflow, metrics }
    }

    /// Whether a CONNECT of MQTT is within `rate`.
    pub fn may_connect(&self, host: &Arc<str>, who: Who, rate: &Rate) -> bool {
        rate.interval_ns == 0 || self.record(host, who).may_connect(rate, self.now())
    }

    /// A seat for a new connection. `None`, counted, when the device has as many as it may have.
    pub fn enter(self: &Arc<Self>, host: &Arc<str>, who: Who, limit: &DeviceLimit) -> Option<Seat> {
        let record = self.record(host, who);
        if !record.enter(limit.connections) {
            self.count(host, "connections");
            return None;
        }
        Some(Seat::new(self, host, record, *limit))
    }

    /// A seat for a connection that is there, however many there are.
    pub fn join(self: &Arc<Self>, host: &Arc<str>, who: Who, limit: &DeviceLimit) -> Seat {
        let record = self.record(host, who);
        record.enter(None);
        Seat::new(self, host, record, *limit)
    }

    /// Counts that a limit was reached.
    pub(super) fn count(&self, host: &str, limit: &str) {
        self.metrics.device_limited.with_label_values(&[host, limit]).inc();
    }

    /// Nanoseconds of the clock.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn record(&self, host: &Arc<str>, who: Who) -> Arc<Record> {
        if let Some(record) = self.records.entry((Arc::clone(host), who), self.now()) {
            return Arc::clone(&record);
        }
        self.metrics.device_limit_overflows.inc();
        Arc::clone(&self.overflow)
    }
}

#[cfg(test)]
mod tests;
