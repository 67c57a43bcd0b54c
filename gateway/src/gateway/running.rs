//! The end: what was answered is served, what is under way finishes, within `timeout.drain`.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use super::signals::Signals;
use crate::control::Control;
use crate::handover::Manager;
use crate::listen::{Phase, Shared};

/// How long an idle connection may still send a last request, in the drain's first half at most.
const LINGER: Duration = Duration::from_secs(1);

/// The same where another gateway serves already, and nobody waits for the end of this one.
const LINGER_BESIDE: Duration = Duration::from_secs(5);

/// How often it is looked what another gateway denies: a denial acts within a second.
const FOLLOW: Duration = Duration::from_millis(500);

/// How long the last answers on the admin socket may take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long the last alerts may take at the end.
const LAST_ALERTS: Duration = Duration::from_secs(5);

/// How long the last lines of the access log may take at the end.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A gateway that serves.
pub(super) struct Running {
    pub(super) control: Arc<Control>,
    pub(super) shared: Shared,
    pub(super) phase: watch::Sender<Phase>,
    /// As many as connections may be open.
    pub(super) all_permits: u32,
    pub(super) tokens: JoinHandle<()>,
    pub(super) alerts: JoinHandle<()>,
    pub(super) probes: JoinHandle<()>,
    pub(super) api: JoinHandle<()>,
    pub(super) admin: JoinHandle<()>,
    pub(super) no_more_verbs: Arc<Notify>,
}

impl Running {
    /// Drains, until everything is closed or the time is over.
    pub(super) async fn end(self, signals: &mut Signals, manager: Manager) {
        let is_handed_over = self.control.drain();
        if is_handed_over {
            // All of this is the other gateway's.
            self.no_more_verbs.notify_one();
            self.probes.abort();
            self.api.abort();
            self.tokens.abort();
        } else {
            manager.notify(&[NotifyState::Stopping]);
        }
        let deadline = self.shared.snapshot.load().timeouts.drain;
        tracing::info!(?deadline, "draining");
        let linger = if is_handed_over { LINGER_BESIDE } else { LINGER };
        tokio::select! {
            () = self.drained(linger.min(deadline / 2)) => tracing::info!("drained"),
            () = sleep(deadline) => tracing::warn!("drain deadline passed; closing what is still open"),
            () = signals.stop() => tracing::warn!("stopped again; closing what is still open"),
            () = self.follow(), if is_handed_over => {}
        }
        self.no_more_verbs.notify_one();
        self.control.alerts().close();
        // One that is cut off would be sent once more by the next gateway.
        let _ = timeout(LAST_ALERTS, self.alerts).await;
        // Whoever asks may be slow.
        let _ = timeout(LAST_ANSWERS, self.admin).await;
        self.shared.access_log.flush(LAST_LINES);
    }

    /// Lets connections end, and waits until they have. Receivers of the phase live as long as the workers; without any
    /// there is nothing to drain.
    async fn drained(&self, linger: Duration) {
        let closed = async {
            self.control.ended().await;
            // Every permit back means every connection closed.
            let _ = self.shared.permits.acquire_many(self.all_permits).await;
        };
        tokio::pin!(closed);
        let _ = self.phase.send(Phase::Leaving);
        if timeout(linger, &mut closed).await.is_err() {
            let _ = self.phase.send(Phase::Draining);
            closed.await;
        }
    }

    /// Follows the gateway that has taken over in what it denies.
    async fn follow(&self) {
        let mut ticks = interval(FOLLOW);
        loop {
            ticks.tick().await;
            self.control.follow();
        }
    }
}
