//! What is remembered of one device at one host.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use fleetgate_ebpf::gcra::Rate;

use super::buckets::admit_atomic;
use super::table::Used;
use crate::model::limit::ByteRate;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the device.
    Received,
    /// To it.
    Sent,
}

/// Buckets, by their theoretical arrival times, and a count.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// CONNECTs of MQTT.
    connects: AtomicU64,
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    connections: AtomicU32,
}

/// A record is in use by those who share it.
impl Used for Arc<Record> {
    fn is_as_new(&self, now: u64) -> bool {
        let Record { connects, requests, received, sent, connections: _ } = &**self;
        // Others get at it through the table alone, which is locked here.
        Self::strong_count(self) == 1
            && [connects, requests, received, sent].iter().all(|tat| tat.load(Relaxed) <= now)
    }
}

impl Record {
    /// Whether a CONNECT is within `rate`.
    pub(super) fn may_connect(&self, rate: &Rate, now: u64) -> bool {
        admit_atomic(&self.connects, rate, now).is_ok()
    }

    /// Takes a request from its bucket.
    ///
    /// # Errors
    /// The nanoseconds until there is one.
    pub(super) fn request(&self, rate: &Rate, now: u64) -> Result<(), u64> {
        admit_atomic(&self.requests, rate, now)
    }

    /// Counts a connection, unless there are `most`.
    pub(super) fn enter(&self, most: Option<NonZeroU32>) -> bool {
        let most = most.map_or(u32::MAX, NonZeroU32::get);
        let enter = |count: u32| (count < most).then(|| count + 1);
        self.connections.fetch_update(Relaxed, Relaxed, enter).is_ok()
    }

    /// A connection less.
    pub(super) fn leave(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }

    /// Nanoseconds until more bytes may move; 0 when they may.
    pub(super) fn wait(&self, direction: Direction, rate: ByteRate, now: u64) -> u64 {
        self.bytes(direction).load(Relaxed).saturating_sub(now).saturating_sub(rate.tolerance())
    }

    /// Notes bytes that have moved.
    pub(super) fn moved(&self, direction: Direction, rate: ByteRate, bytes: u64, now: u64) {
        let later = |tat: u64| Some(tat.max(now).saturating_add(rate.cost(bytes)));
        // It never gives up.
        let _ = self.bytes(direction).fetch_update(Relaxed, Relaxed, later);
    }

    fn bytes(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Received => &self.received,
            Direction::Sent => &self.sent,
        }
    }
}
