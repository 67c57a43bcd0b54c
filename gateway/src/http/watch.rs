//! What can end an open connection from outside: the end of the gateway, a change that takes its permit, and idleness.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, Context};
use crate::connection::{Phase, terminated};

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No more requests are taken.
    Finish,
    /// None has come for too long, and none is under way.
    Idle,
    /// It has lost what it was permitted.
    Lost,
}

/// What a connection hears of.
enum News {
    /// The gateway's end comes nearer.
    Phase(Phase),
    /// No more is taken from this device.
    Over,
    /// No request came for too long.
    Idle,
    /// Something may have changed for it.
    Change,
    /// Too many requests were taken back.
    Flood,
}

/// Watches over one connection.
pub(super) struct Watch {
    context: Rc<Context>,
    connection: Rc<Connection>,
    label: Arc<str>,
    changes: watch::Receiver<u64>,
    phase: watch::Receiver<Phase>,
    /// The phase that it has heard of.
    heard: Phase,
    leaves_early: bool,
    idle: Option<Duration>,
    /// When it was said last that it is.
    told_idle: Instant,
    /// What a change that came during the handshake has taken.
    lost_before: Option<&'static str>,
    /// It is finishing already.
    finishing: bool,
    lost: bool,
}

impl Watch {
    /// From here on changes are heard of; what came during the handshake is looked at first. When the
    /// gateway is leaving, `parting` becomes true.
    pub(super) fn new(
        context: Rc<Context>,
        connection: Rc<Connection>,
        label: Arc<str>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let (changes, lost_before) = connection.watch(context.in_force());
        Self {
            context,
            connection,
            label,
            changes,
            phase,
            heard: Phase::Serving,
            leaves_early: false,
            idle: None,
            told_idle: Instant::now(),
            lost_before,
            finishing: false,
            lost: false,
        }
    }

    /// Tells of [`End::Idle`] when the connection had no request for `limit`, and again every `limit` after that.
    pub(super) fn limit_idle(&mut self, limit: Option<Duration>) {
        self.idle = limit;
    }

    /// Finishes as soon as the gateway is leaving: HTTP/2 can say so, and its peer loses nothing.
    pub(super) fn leave_early(&mut self) {
        self.leaves_early = true;
    }

    /// Waits for the next reason to end. Each is told of once.
    pub(super) async fn next(&mut self) -> End {
        if let Some(reason) = self.lost_before.take() {
            self.finishing = true;
            return self.lose(reason);
        }
        loop {
            let end = match self.wait().await {
                News::Phase(phase) => self.hear(phase),
                News::Over => Some(End::Finish),
                News::Idle => Some(End::Idle),
                News::Flood => Some(self.lose("cancelled_requests")),
                News::Change => self.look(),
            };
            match end {
                None => {}
                Some(End::Idle) => {
                    self.told_idle = Instant::now();
                    return End::Idle;
                }
                Some(end) => {
                    self.finishing = true;
                    return end;
                }
            }
        }
    }

    async fn wait(&mut self) -> News {
        let Self { connection, changes, phase, heard, idle, told_idle, finishing, lost, .. } = self;
        tokio::select! {
            // Both senders live as long as the process: an error means the same as the news.
            phase = next_phase(phase, *heard), if !*finishing => News::Phase(phase),
            _ = changes.changed(), if !*lost => News::Change,
            () = connection.finished(), if !*finishing => News::Over,
            () = rested(connection, *idle, *told_idle), if !*finishing => News::Idle,
            () = connection.flooded(), if !*lost => News::Flood,
            else => std::future::pending().await,
        }
    }

    fn hear(&mut self, phase: Phase) -> Option<End> {
        self.heard = phase;
        self.connection.part();
        (phase == Phase::Draining || self.leaves_early).then_some(End::Finish)
    }

    /// Whether the connection has lost its permit.
    fn look(&mut self) -> Option<End> {
        let reason = self.connection.lost(self.context.in_force())?;
        Some(self.lose(reason))
    }

    /// What it watches over.
    pub(super) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    /// Counts a connection whose device does not read.
    pub(super) fn unread(&self) {
        self.context.metrics.body_limited.with_label_values(&[&*self.label, "response_write"]).inc();
    }

    /// Counts a connection that its device has reset at rest.
    pub(super) fn gone(&self) {
        self.context.metrics.connection_errors.with_label_values(&[&*self.label, "connection_lost"]).inc();
    }

    fn lose(&mut self, reason: &'static str) -> End {
        self.lost = true;
        terminated(&self.context.metrics, &self.label, self.connection.source, reason);
        End::Lost
    }
}

async fn next_phase(phase: &mut watch::Receiver<Phase>, heard: Phase) -> Phase {
    phase.wait_for(|phase| *phase > heard).await.map_or(Phase::Draining, |phase| *phase)
}

/// Waits until a connection had nothing to do for `limit`.
async fn rested(connection: &Connection, limit: Option<Duration>, told: Instant) {
    let Some(limit) = limit else { return std::future::pending().await };
    loop {
        let due = connection.resting_since().map_or_else(Instant::now, |since| since.max(told)) + limit;
        if due <= Instant::now() {
            return;
        }
        sleep_until(due).await;
    }
}
