//! Devices that do the same, on one thread.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use fleetgate_namespace::{Namespace, NamespaceError};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinSet, LocalSet};

use super::device::{Device, Member, Role};
use super::share::{Share, come_first, in_steps};
use super::{Ledger, Orders};

/// Why devices cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Not where they should be.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// No thread, or no runtime on it.
    #[error("no thread for devices: {0}")]
    Thread(#[from] io::Error),
}

/// Devices that are ready to start.
pub struct Squad {
    /// What all of them do.
    pub role: Role,
    /// All of them.
    pub members: Vec<Member>,
    /// What its thread does about processors.
    pub share: Share,
    /// What they are told.
    pub orders: Arc<Orders>,
    /// Where they write down what they see.
    pub ledger: Arc<Ledger>,
}

/// A thread with devices. They stop, and it ends, when this is dropped.
pub struct Working {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Squad {
    /// Sets all devices to work, each as a task of the set that comes back; they stop when it is dropped.
    pub fn start(self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let Self { role, members, share, orders, ledger } = self;
        let (here, cuts) = watch::channel(0);
        tasks.spawn_local(pass_on(orders.cuts(), here));
        for member in members {
            let (orders, ledger, cuts) = (Arc::clone(&orders), Arc::clone(&ledger), cuts.clone());
            let device = Device { role, member, orders, ledger, gone: Cell::new(false) };
            match share {
                Share::Steps => tasks.spawn_local(in_steps(device.run(cuts))),
                Share::Any | Share::First => tasks.spawn_local(device.run(cuts)),
            };
        }
        tasks
    }

    /// Sets all devices to work on a thread of their own, in a namespace if one is given.
    ///
    /// # Errors
    /// When there is no such thread.
    pub fn start_apart(self, namespace: Option<&Namespace>) -> Result<Working, StartError> {
        let namespace = namespace.cloned();
        let (stop, stopped) = oneshot::channel();
        let (outcome, begun) = mpsc::sync_channel(1);
        let share = self.share;
        let work = move || {
            if share == Share::First {
                come_first(0);
            }
            let runtime = namespace.map_or(Ok(()), |namespace| namespace.enter()).map_err(StartError::from);
            let runtime = runtime
                .and_then(|()| Builder::new_current_thread().enable_all().build().map_err(StartError::from));
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(outcome.send(Err(error))),
            };
            // Whoever waits for it has gone when this fails.
            let _ = outcome.send(Ok(()));
            LocalSet::new().block_on(&runtime, async {
                let _devices = self.start();
                // It is never sent: the sender is dropped.
                let _ = stopped.await;
            });
        };
        let thread = thread::Builder::new().name("devices".to_owned()).spawn(work)?;
        let lost = || StartError::Thread(io::Error::other("the devices' thread ended"));
        begun.recv().map_err(|_| lost())??;
        Ok(Working { stop: Some(stop), thread: Some(thread) })
    }
}

/// Passes on what comes from another thread. Tasks that another thread wakes wait behind all that has something to do here: the
/// first that were cut would be back before the last had heard of it.
async fn pass_on(mut elsewhere: watch::Receiver<u64>, here: watch::Sender<u64>) {
    while elsewhere.changed().await.is_ok() {
        here.send_modify(|generation| *generation += 1);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        drop(self.stop.take());
        // One that panicked has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
