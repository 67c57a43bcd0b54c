//! The access log: a line of JSON for each request and each failed handshake, on standard output; and the audit log there, a
//! line for each decision that denies or is the first of its connection.
//!
//! Workers never wait for it. A bounded queue leads to one writer thread; when its reader is too slow, lines are
//! dropped and counted.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::IntCounter;
use serde::{Serialize, Serializer};

/// Lines that may wait for the writer.
const QUEUE: usize = 8192;

/// Octets of a field that a peer fills at most: its waiting lines are memory.
const MAX_FIELD: usize = 2048;

/// Where access log lines go.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Option<SyncSender<Queued>>,
    wanted: Wanted,
    dropped: IntCounter,
}

/// Which lines are written.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Requests, streams and failed handshakes.
    pub access: bool,
    /// Decisions, those about streams too.
    pub audit: bool,
}

/// What waits for the writer.
enum Queued {
    Line(Vec<u8>),
    /// Somebody wants to know when everything before this is written.
    Flush(SyncSender<()>),
}

/// Who was at the other end, for a log line. High cardinality is right here, and only here.
#[derive(Debug, Serialize)]
pub struct Peer<'a> {
    /// Source address.
    pub source: std::net::SocketAddr,
    /// What the certificate turned out to be: `verified`, a refusal's label, or `absent`.
    pub certificate: &'a str,
    /// Subject of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Clipped<'a>>,
    /// Issuer of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Clipped<'a>>,
    /// Serial number of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<&'a str>,
    /// SHA-256 fingerprint of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<&'a str>,
}

/// The `time` of a line that is written now: seconds since the epoch.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// One line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line<'a> {
    /// A request was answered.
    Request {
        /// When its head had arrived, in seconds since the epoch.
        time: f64,
        /// Its id, which the response carries where we made it.
        ray_id: &'a str,
        /// The host that served it.
        host: &'a str,
        /// Its method.
        method: Clipped<'a>,
        /// Its path, without the query.
        path: Clipped<'a>,
        /// The response's status.
        status: u16,
        /// `permit` or `deny`.
        decision: &'a str,
        /// Why, when it was not simply answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        /// The policy that decided.
        #[serde(skip_serializing_if = "Option::is_none")]
        policy: Option<&'a str>,
        /// Seconds until the response's head was there.
        duration: f64,
        /// Who asked.
        #[serde(flatten)]
        peer: Peer<'a>,
    },
    /// Access decided: it denied, or it was the first decision of a connection.
    Decision {
        /// When, in seconds since the epoch.
        time: f64,
        /// The id of the request.
        ray_id: &'a str,
        /// The host that was asked for.
        host: &'a str,
        /// The application, by name.
        #[serde(skip_serializing_if = "Option::is_none")]
        application: Option<&'a str>,
        /// The policy that decided, by name.
        #[serde(skip_serializing_if = "Option::is_none")]
        policy: Option<&'a str>,
        /// `permit` or `deny`.
        decision: &'a str,
        /// Why it was denied.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        /// Who asked.
        #[serde(flatten)]
        peer: Peer<'a>,
    },
    /// A byte stream was decided about: what is permitted starts.
    StreamStart {
        /// When, in seconds since the epoch.
        time: f64,
        /// Its id, which its end has too.
        ray_id: &'a str,
        /// The host that serves it.
        host: &'a str,
        /// `permit` or `deny`.
        decision: &'a str,
        /// Why it is denied.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        /// The policy that decided.
        #[serde(skip_serializing_if = "Option::is_none")]
        policy: Option<&'a str>,
        /// Who is there.
        #[serde(flatten)]
        peer: Peer<'a>,
    },
    /// A byte stream ended, or a connection that was upgraded.
    StreamEnd {
        /// When, in seconds since the epoch.
        time: f64,
        /// Its id, which its start or its request has too.
        ray_id: &'a str,
        /// The host that served it.
        host: &'a str,
        /// How it ended.
        reason: &'a str,
        /// Bytes that the device sent.
        received: u64,
        /// Bytes that the origin sent.
        sent: u64,
        /// Seconds since its start.
        duration: f64,
        /// Who was there.
        #[serde(flatten)]
        peer: Peer<'a>,
    },
    /// Somebody changed a resource.
    Change {
        /// When, in seconds since the epoch.
        time: f64,
        /// The number of the change.
        revision: u64,
        /// Who, by the name of the token or of the channel.
        who: &'a str,
        /// `create`, `update` or `delete`.
        change: &'a str,
        /// The resource's kind.
        kind: &'a str,
        /// Its id.
        id: &'a str,
        /// SHA-256 of what it said before.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<&'a str>,
        /// SHA-256 of what it says now.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<&'a str>,
    },
    /// A handshake failed.
    Handshake {
        /// When, in seconds since the epoch.
        time: f64,
        /// The host it was for, or `other`.
        host: &'a str,
        /// Why it failed.
        reason: &'a str,
        /// More about why, for people.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
        /// Who tried.
        #[serde(flatten)]
        peer: Peer<'a>,
    },
}

/// A text of which a peer has chosen the length, cut off where that is too much.
#[derive(Clone, Copy, Debug)]
pub struct Clipped<'a>(pub &'a str);

impl Serialize for Clipped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(text) = self;
        if text.len() <= MAX_FIELD {
            return serializer.serialize_str(text);
        }
        serializer.collect_str(&format_args!("{}…", &text[..text.floor_char_boundary(MAX_FIELD)]))
    }
}

impl AccessLog {
    /// Writes lines to `output` from a thread of its own. `dropped` counts the lines that were not.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(output: impl Write + Send + 'static, wanted: Wanted, dropped: IntCounter) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        thread::Builder::new().name("access-log".into()).spawn(move || write(output, &receiver))?;
        Ok(Self { lines: Some(sender), wanted, dropped })
    }

    /// Writes nothing.
    pub fn off(dropped: IntCounter) -> Self {
        Self { lines: None, wanted: Wanted { access: false, audit: false }, dropped }
    }

    /// Queues a line, if it is wanted.
    pub fn write(&self, line: &Line<'_>) {
        let is_wanted = match line {
            Line::Change { .. } | Line::Decision { .. } => self.wanted.audit,
            Line::Request { .. } | Line::Handshake { .. } | Line::StreamEnd { .. } => self.wanted.access,
            // It is a decision as well.
            Line::StreamStart { .. } => self.wanted.access || self.wanted.audit,
        };
        let Some(lines) = self.lines.as_ref().filter(|_| is_wanted) else { return };
        let Ok(mut json) = serde_json::to_vec(line) else { return };
        json.push(b'\n');
        if lines.try_send(Queued::Line(json)).is_err() {
            self.dropped.inc();
        }
    }

    /// Waits until every line so far is written, or until `limit` has passed: its reader may stand still.
    pub fn flush(&self, limit: Duration) {
        let Some(lines) = &self.lines else { return };
        let (written, wait) = sync_channel(1);
        if lines.try_send(Queued::Flush(written)).is_ok() {
            // An error means that the writer or the time is gone; either way nothing more is to be had.
            let _ = wait.recv_timeout(limit);
        }
    }

    /// Whether requests are written.
    pub fn has_requests(&self) -> bool {
        self.lines.is_some() && self.wanted.access
    }

    /// Whether decisions are written.
    pub fn has_decisions(&self) -> bool {
        self.lines.is_some() && self.wanted.audit
    }
}

/// Writes what is there in one go, then waits for more. Ends with the last sender, or when the reader is gone.
fn write(mut output: impl Write, queue: &Receiver<Queued>) {
    let (mut batch, mut waiting) = (Vec::new(), Vec::new());
    while let Ok(first) = queue.recv() {
        for queued in std::iter::once(first).chain(queue.try_iter().take(QUEUE)) {
            match queued {
                Queued::Line(line) => batch.extend(line),
                Queued::Flush(written) => waiting.push(written),
            }
        }
        if output.write_all(&batch).and_then(|()| output.flush()).is_err() {
            return;
        }
        batch.clear();
        // Who asked may have stopped waiting.
        for written in waiting.drain(..) {
            let _ = written.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Blocked(Arc<Mutex<()>>);

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            drop(self.0.lock());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line() -> Line<'static> {
        let source = ([192, 0, 2, 1], 4000).into();
        let peer = Peer {
            source,
            certificate: "absent",
            subject: None,
            issuer: None,
            serial: None,
            fingerprint: None,
        };
        Line::Handshake { time: 1.0, host: "other", reason: "unknown_sni", detail: None, peer }
    }

    #[test]
    fn a_reader_that_stands_still_costs_lines_and_never_time() {
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock().unwrap();
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let log =
            AccessLog::to(Blocked(Arc::clone(&gate)), Wanted { access: true, audit: true }, dropped.clone())
                .unwrap();
        for _ in 0..3 * QUEUE {
            log.write(&line());
        }
        // The writer may have taken a line, and a batch behind it, before it stood still.
        assert!(dropped.get() >= QUEUE as u64 - 1, "{}", dropped.get());
        drop(closed);
    }

    #[test]
    fn what_a_peer_fills_is_cut_off() {
        let long = "ü".repeat(MAX_FIELD);
        let Line::Handshake { time, host, reason, detail, mut peer } = line() else { unreachable!() };
        peer.subject = Some(Clipped(&long));
        let json = serde_json::to_value(Line::Handshake { time, host, reason, detail, peer }).unwrap();
        assert_eq!(json["subject"], format!("{}…", "ü".repeat(MAX_FIELD / 2)));
    }

    #[test]
    fn a_line_is_flat_json_without_empty_fields() {
        let json = serde_json::to_string(&line()).unwrap();
        assert_eq!(
            json,
            r#"{"event":"handshake","time":1.0,"host":"other","reason":"unknown_sni","source":"192.0.2.1:4000","certificate":"absent"}"#
        );
    }
}
