//! A successor, with the listening sockets and without an interruption.

use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sd_notify::NotifyState;
use serde::Serialize;
use tokio::sync::OwnedRwLockReadGuard;

use super::Control;
use crate::handover::{HandoverError, Successor};

/// Another gateway has taken over.
#[derive(Debug, Serialize)]
pub struct Upgraded {
    /// Its process id.
    pub process: u32,
}

/// Why none has. The one before serves.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// This gateway is at its end.
    #[error("the gateway is draining")]
    Draining,
    /// The new one.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// It is gone again.
    #[error("the new gateway was ready, and ended before it could take over; its log may say why")]
    Gone,
}

/// Who comes after this gateway.
#[derive(Debug, Default)]
pub(super) enum Heir {
    /// Nobody.
    #[default]
    None,
    /// A process that is getting ready.
    Starting(Pid),
    /// A gateway that accepts connections on these addresses' sockets.
    Took(Vec<SocketAddr>),
    /// Nobody will: the gateway drains.
    TooLate,
}

/// While somebody has this, no successor starts: what is changed meanwhile is read by the next.
pub struct Changing {
    _guard: OwnedRwLockReadGuard<bool>,
}

impl Control {
    /// Starts this process's program again, which may be a newer one by now, and gives it the listening sockets. When this
    /// returns, the new gateway accepts connections, and [`Self::handed_over`] says so. Waits until it is ready.
    ///
    /// # Errors
    /// [`UpgradeError`]; everything is as before.
    pub fn upgrade(&self) -> Result<Upgraded, UpgradeError> {
        let mut closed = self.changes.blocking_write();
        // The file has one owner at a time; what is in memory serves meanwhile.
        self.store.release();
        let upgraded = self.hand_over(&mut closed);
        if upgraded.is_err() && !*closed {
            self.store.reclaim();
        }
        upgraded
    }

    fn hand_over(&self, closed: &mut bool) -> Result<Upgraded, UpgradeError> {
        let listeners = self.listeners.in_force();
        let sockets = listeners.iter().flat_map(|listener| listener.sockets()).chain([&self.probes]);
        let sockets: Vec<_> = sockets.map(|socket| socket.as_fd()).collect();
        let mut successor = {
            let mut heir = self.heir();
            match *heir {
                Heir::None => {}
                Heir::Starting(_) | Heir::Took(_) | Heir::TooLate => return Err(UpgradeError::Draining),
            }
            let successor = Successor::start(&self.program, &sockets)?;
            *heir = Heir::Starting(Pid::from_raw(successor.id().cast_signed()));
            successor
        };
        let process = successor.id();
        tracing::info!(process, "a successor is getting ready");
        let ready = successor.ready();
        let mut heir = self.heir();
        let taken = match (ready, &*heir) {
            (Ok(taken), Heir::Starting(_)) => taken,
            (ready, state) => {
                successor.end();
                if let Heir::Starting(_) = state {
                    *heir = Heir::None;
                    return Err(ready.map_or_else(UpgradeError::from, |_| UpgradeError::Gone));
                }
                return Err(UpgradeError::Draining);
            }
        };
        // The manager listens to the main process only: the successor has to be that before it speaks.
        self.manager.notify(&[NotifyState::MainPid(process)]);
        if successor.hand_over().is_err() {
            self.manager.notify(&[NotifyState::MainPid(std::process::id())]);
            *heir = Heir::None;
            return Err(UpgradeError::Gone);
        }
        *heir = Heir::Took(taken);
        *closed = true;
        self.handed_over.send_replace(true);
        tracing::info!(process, "another gateway has taken over");
        Ok(Upgraded { process })
    }

    /// Waits until another gateway has taken over.
    pub async fn handed_over(&self) {
        // The sender is our own.
        let _ = self.handed_over.subscribe().wait_for(|over| *over).await;
    }

    /// Leave to change something that outlives the process; none while a successor reads that, and once it has.
    pub fn changing(&self) -> Option<Changing> {
        let guard = Arc::clone(&self.changes).try_read_owned().ok()?;
        (!*guard).then_some(Changing { _guard: guard })
    }

    /// Accepts no more connections: those of a successor's addresses are its own, and a service manager may keep the others.
    /// [`Self::ended`] waits for those that were answered before. Gives whether another gateway has taken over.
    pub fn drain(&self) -> bool {
        let mut heir = self.heir();
        self.draining.store(true, Ordering::Relaxed);
        match std::mem::replace(&mut *heir, Heir::TooLate) {
            Heir::Took(taken) => {
                self.listeners.end(|address| taken.contains(&address));
                self.keeper.leave_state_dir();
                return true;
            }
            Heir::Starting(process) => {
                // It is not waited for before we have said that it is none of ours: the number is still its own.
                let _ = kill(process, Signal::SIGKILL);
            }
            Heir::None | Heir::TooLate => {}
        }
        let kept = self.manager.keeps_sockets();
        self.listeners.end(|_| kept);
        false
    }

    /// Has the service manager keep the listening sockets, where it does that.
    pub fn store_sockets(&self) {
        for listener in self.listeners.in_force() {
            self.manager.store(listener.address(), listener.sockets());
        }
    }

    /// Waits until no more connections are accepted.
    pub async fn ended(&self) {
        self.listeners.ended().await;
    }

    /// Follows what is denied at the gateway that has taken over, for the connections that are still open here.
    pub fn follow(&self) {
        if let Err(error) = self.keeper.follow_denials() {
            tracing::warn!(%error, "cannot see what is denied by now");
        }
    }

    fn heir(&self) -> MutexGuard<'_, Heir> {
        self.heir.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
