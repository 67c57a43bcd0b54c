//! What is counted and logged of bytes that go both ways.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use prometheus::{IntCounter, IntGauge};

use super::end::End;
use crate::connection::{peer, terminated};
use crate::device::Device;
use crate::telemetry::access_log::{self, Line};
use crate::telemetry::{AccessLog, Metrics};

/// A stream that was permitted, from its start to its end. Dropping it is the end, whatever led there.
pub struct Account<'a> {
    metrics: &'a Metrics,
    access_log: &'a AccessLog,
    label: Arc<str>,
    source: SocketAddr,
    device: Device,
    ray_id: String,
    begun: Instant,
    active: IntGauge,
    received: Direction,
    sent: Direction,
    /// How it ended.
    pub end: End,
}

/// Bytes of one way.
struct Direction {
    counter: IntCounter,
    bytes: u64,
}

impl<'a> Account<'a> {
    /// Counts a stream of this host from now on.
    pub fn open(
        metrics: &'a Metrics,
        access_log: &'a AccessLog,
        label: &Arc<str>,
        (source, device): (SocketAddr, &Device),
        ray_id: String,
    ) -> Self {
        let way = |way| metrics.stream_bytes.with_label_values(&[&**label, way]);
        let account = Self {
            metrics,
            access_log,
            label: Arc::clone(label),
            source,
            device: device.clone(),
            ray_id,
            begun: Instant::now(),
            active: metrics.streams_active.with_label_values(&[&**label]),
            received: Direction { counter: way("received"), bytes: 0 },
            sent: Direction { counter: way("sent"), bytes: 0 },
            end: End::Aborted,
        };
        account.active.inc();
        account
    }

    /// The host's label.
    pub fn host(&self) -> &str {
        &self.label
    }

    /// The id of the stream in the log.
    pub fn ray_id(&self) -> &str {
        &self.ray_id
    }

    /// The stream is over: it has lost what it was permitted.
    pub fn lose(&mut self, reason: &'static str) {
        terminated(self.metrics, &self.label, self.source, reason);
        self.end = End::Lost(reason);
    }

    /// Takes note of how many bytes came from the device and from the origin by now. True when there are more.
    pub(super) fn moved(&mut self, received: u64, sent: u64) -> bool {
        // Not lazily: both have to be looked at.
        self.received.moved(received) | self.sent.moved(sent)
    }
}

impl Direction {
    fn moved(&mut self, bytes: u64) -> bool {
        let more = bytes - self.bytes;
        self.bytes = bytes;
        if more > 0 {
            self.counter.inc_by(more);
        }
        more > 0
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        let host = &*self.label;
        self.active.dec();
        self.metrics.streams.with_label_values(&[host, self.end.label()]).inc();
        self.access_log.write(&Line::StreamEnd {
            time: access_log::now(),
            ray_id: &self.ray_id,
            host,
            reason: self.end.label(),
            received: self.received.bytes,
            sent: self.sent.bytes,
            duration: self.begun.elapsed().as_secs_f64(),
            peer: peer(self.source, &self.device),
        });
    }
}
