//! How often a device may do something, whichever worker it comes to.

use std::net::SocketAddr;
use std::time::Instant;

use fleetgate_ebpf::abi::Address;
use fleetgate_ebpf::gcra::Rate;

use crate::device::Device;
use crate::device::identity::Fingerprint;
use crate::limit::{Buckets, source_key};

/// Limits by device.
#[derive(Debug)]
pub struct DeviceLimits {
    /// The clock of the buckets starts here.
    epoch: Instant,
    connects: Buckets<Who>,
}

/// Who is limited: a device, or, where no certificate verified, a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Device(Fingerprint),
    Source(Address),
}

impl DeviceLimits {
    /// Limits that remember `max` devices at once.
    pub fn new(max: u32) -> Self {
        Self { epoch: Instant::now(), connects: Buckets::new(max) }
    }

    /// Whether a CONNECT of this device is within `rate`.
    pub(super) fn may_connect(&self, rate: &Rate, source: SocketAddr, device: &Device) -> bool {
        if rate.interval_ns == 0 {
            return true;
        }
        let who = device.verified().map_or_else(
            || Who::Source(source_key(source.ip())),
            |verified| Who::Device(verified.identity.fingerprint),
        );
        let now = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.connects.admit(rate, who, now)
    }
}
