//! Signals, and what they set off.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::control::Control;
use crate::handover::Manager;

/// How often the XDP side is looked at: a lost link is noticed and mended this fast.
const HEALTH: Duration = Duration::from_secs(1);

/// A reload as `Type=notify-reload` of systemd wants it: said before and after, with the time. The old snapshot serves
/// where the new one is refused, so that the service is ready again either way.
fn reload(control: &Control, manager: Manager) {
    let Some(changing) = control.changing() else {
        tracing::error!("no reload: another gateway is taking over");
        return;
    };
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        manager.notify(&[NotifyState::Reloading, now]);
    }
    let status = match control.reload() {
        Ok(_) => "serving",
        Err(_) => "serving the configuration before a refused reload",
    };
    manager.notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    drop(changing);
}

fn upgrade(control: &Control) {
    if let Err(error) = control.upgrade() {
        tracing::error!(%error, "no upgrade; the old gateway keeps serving");
    }
}

/// What is listened to.
pub(super) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
    upgrade: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            upgrade: signal(SignalKind::user_defined2())?,
        })
    }

    /// Reloads on SIGHUP, upgrades on SIGUSR2 and looks after XDP, until the first SIGTERM or SIGINT, or until another gateway
    /// has taken over.
    pub(super) async fn until_stopped(&mut self, control: &Arc<Control>, manager: Manager) {
        let mut health = tokio::time::interval(HEALTH);
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    // It may wait for CRLs; probes and the end must not.
                    let control = Arc::clone(control);
                    tokio::task::spawn_blocking(move || reload(&control, manager));
                }
                _ = self.upgrade.recv() => {
                    let control = Arc::clone(control);
                    tokio::task::spawn_blocking(move || upgrade(&control));
                }
                () = control.handed_over() => return,
                _ = health.tick() => {
                    control.heal();
                    let control = Arc::clone(control);
                    tokio::task::spawn_blocking(move || control.give_back());
                }
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
            }
        }
    }

    /// Waits for the next SIGTERM or SIGINT.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
