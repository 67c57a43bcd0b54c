//! One connection's part in what its device may do.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::devices::Devices;
use super::pace::Pace;
use super::record::{Direction, Record};
use crate::model::limit::{ByteRate, DeviceLimit};

/// A connection that counts for its device, until this is dropped.
pub struct Seat {
    devices: Arc<Devices>,
    host: Arc<str>,
    record: Arc<Record>,
    limit: DeviceLimit,
}

impl Seat {
    /// A seat whose connection has been counted.
    pub(super) fn new(
        devices: &Arc<Devices>,
        host: &Arc<str>,
        record: Arc<Record>,
        limit: DeviceLimit,
    ) -> Self {
        Self { devices: Arc::clone(devices), host: Arc::clone(host), record, limit }
    }

    /// Takes a request from the device's bucket.
    ///
    /// # Errors
    /// How long it takes until there is one; counted.
    pub fn request(&self) -> Result<(), Duration> {
        let rate = &self.limit.requests;
        if rate.interval_ns == 0 {
            return Ok(());
        }
        self.record.request(rate, self.devices.now()).map_err(|wait| {
            self.devices.count(&self.host, "requests");
            Duration::from_nanos(wait)
        })
    }

    /// Keeps bytes within the device's rate, where there is one.
    pub fn pace(self: &Rc<Self>, direction: Direction) -> Option<Pace> {
        self.limit.bytes.map(|rate| Pace::new(Rc::clone(self), direction, rate))
    }

    /// How long bytes have to wait; counted when they have to.
    pub(super) fn wait(&self, direction: Direction, rate: ByteRate) -> Option<Duration> {
        let wait = self.record.wait(direction, rate, self.devices.now());
        if wait == 0 {
            return None;
        }
        let limit = match direction {
            Direction::Received => "bytes_received",
            Direction::Sent => "bytes_sent",
        };
        self.devices.count(&self.host, limit);
        Some(Duration::from_nanos(wait))
    }

    /// Notes bytes that have moved.
    pub(super) fn moved(&self, direction: Direction, rate: ByteRate, bytes: usize) {
        self.record.moved(direction, rate, bytes as u64, self.devices.now());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.record.leave();
    }
}
