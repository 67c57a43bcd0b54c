//! What is counted and logged of a stream.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use prometheus::{IntCounter, IntGauge};

use super::end::End;
use super::serve::Context;
use crate::access::Permit;
use crate::connection::{Connection, State, peer};
use crate::device::Device;
use crate::telemetry::access_log::Line;

/// A stream that was permitted, from its start to its end. Dropping it is the end, whatever led there.
pub(super) struct Account<'a> {
    context: &'a Context,
    connection: &'a Connection,
    label: Arc<str>,
    device: Device,
    ray_id: String,
    begun: Instant,
    active: IntGauge,
    received: Direction,
    sent: Direction,
    /// How it ended.
    pub(super) end: End,
}

/// Bytes of one way.
struct Direction {
    counter: IntCounter,
    bytes: u64,
}

impl<'a> Account<'a> {
    /// Counts a stream from now on, and logs its start.
    pub(super) fn open(
        context: &'a Context,
        connection: &'a Connection,
        state: &State,
        ray_id: String,
        permit: Permit<'_>,
    ) -> Self {
        let metrics = &context.metrics;
        let host = &*state.host.label;
        let way = |way| metrics.stream_bytes.with_label_values(&[host, way]);
        let account = Self {
            context,
            connection,
            label: Arc::clone(&state.host.label),
            device: state.device.clone(),
            ray_id,
            begun: Instant::now(),
            active: metrics.streams_active.with_label_values(&[host]),
            received: Direction { counter: way("received"), bytes: 0 },
            sent: Direction { counter: way("sent"), bytes: 0 },
            end: End::Aborted,
        };
        account.active.inc();
        let permit = Start { decision: "permit", reason: None, policy: permit.policy_name() };
        log_start(context, connection, state, &account.ray_id, permit);
        account
    }

    /// The host's label.
    pub(super) fn host(&self) -> &str {
        &self.label
    }

    /// The id of the stream in the log.
    pub(super) fn ray_id(&self) -> &str {
        &self.ray_id
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
        self.context.metrics.streams.with_label_values(&[host, self.end.label()]).inc();
        self.context.access_log.write(&Line::StreamEnd {
            time: now(),
            ray_id: &self.ray_id,
            host,
            reason: self.end.label(),
            received: self.received.bytes,
            sent: self.sent.bytes,
            duration: self.begun.elapsed().as_secs_f64(),
            peer: peer(self.connection.source, &self.device),
        });
    }
}

/// What is logged of a decision.
#[derive(Clone, Copy)]
struct Start<'a> {
    decision: &'static str,
    reason: Option<&'static str>,
    policy: Option<&'a str>,
}

/// Logs a stream that does not begin, for this reason. `policy` decided, whether it permitted or not.
pub(super) fn log_denial(
    context: &Context,
    connection: &Connection,
    state: &State,
    ray_id: &str,
    reason: &'static str,
    policy: Option<&str>,
) {
    log_start(context, connection, state, ray_id, Start { decision: "deny", reason: Some(reason), policy });
}

fn log_start(context: &Context, connection: &Connection, state: &State, ray_id: &str, start: Start<'_>) {
    let Start { decision, reason, policy } = start;
    context.access_log.write(&Line::StreamStart {
        time: now(),
        ray_id,
        host: &state.host.label,
        decision,
        reason,
        policy,
        peer: peer(connection.source, &state.device),
    });
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
