//! What can end an open connection from outside: the end of the gateway, a change that takes its permit, and idleness.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, Context};
use crate::connection::terminated;

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
    /// The gateway ends, or no more is taken from this device.
    End,
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
    draining: watch::Receiver<bool>,
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
    /// From here on changes are heard of; what came during the handshake is looked at first.
    pub(super) fn new(
        context: Rc<Context>,
        connection: Rc<Connection>,
        label: Arc<str>,
        draining: watch::Receiver<bool>,
    ) -> Self {
        let (changes, lost_before) = connection.watch(context.in_force());
        let (idle, finishing, lost) = (None, false, false);
        let told_idle = Instant::now();
        Self { context, connection, label, changes, draining, idle, told_idle, lost_before, finishing, lost }
    }

    /// Tells of [`End::Idle`] when the connection had no request for `limit`, and again every `limit` after that.
    pub(super) fn limit_idle(&mut self, limit: Option<Duration>) {
        self.idle = limit;
    }

    /// Waits for the next reason to end. Each is told of once.
    pub(super) async fn next(&mut self) -> End {
        if let Some(reason) = self.lost_before.take() {
            self.finishing = true;
            return self.lose(reason);
        }
        loop {
            let end = match self.wait().await {
                News::End => Some(End::Finish),
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
        let Self { connection, changes, draining, idle, told_idle, finishing, lost, .. } = self;
        tokio::select! {
            // Both senders live as long as the process: an error means the same as the news.
            _ = draining.wait_for(|draining| *draining), if !*finishing => News::End,
            _ = changes.changed(), if !*lost => News::Change,
            () = connection.finished(), if !*finishing => News::End,
            () = rested(connection, *idle, *told_idle), if !*finishing => News::Idle,
            () = connection.flooded(), if !*lost => News::Flood,
            else => std::future::pending().await,
        }
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

    fn lose(&mut self, reason: &'static str) -> End {
        self.lost = true;
        terminated(&self.context.metrics, &self.label, self.connection.source, reason);
        End::Lost
    }
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
