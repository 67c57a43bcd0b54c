//! Looking after origins: health checks, and what the metrics say of their health.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::origin::{Checker, Target};
use crate::snapshot::Snapshot;
use crate::telemetry::Metrics;

/// How often it is looked whether a check is due.
const TICK: Duration = Duration::from_millis(500);

/// Starts the one thread that looks after the origins of the snapshot in force. It ends with the process.
///
/// # Errors
/// When the thread or its runtime cannot be started.
pub fn watch_origins(snapshot: Arc<ArcSwap<Snapshot>>, metrics: Metrics) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = Builder::new().name("origins".to_owned());
    thread.spawn(move || LocalSet::new().block_on(&runtime, watch(&snapshot, &metrics)))?;
    Ok(())
}

async fn watch(snapshot: &ArcSwap<Snapshot>, metrics: &Metrics) {
    let checker = Checker::new(metrics.clone());
    let mut generation = 0;
    loop {
        let snapshot = snapshot.load_full();
        if generation != snapshot.generation {
            generation = snapshot.generation;
            metrics.origin_healthy.reset();
        }
        let mut asked: HashMap<*const Target, Arc<Target>> = HashMap::new();
        for host in snapshot.hosts() {
            for target in host.origins.targets() {
                let gauge = metrics.origin_healthy.with_label_values(&[&*host.label, &*target.label]);
                gauge.set(target.is_healthy().into());
                if target.is_asked() {
                    asked.insert(Arc::as_ptr(target), Arc::clone(target));
                }
            }
        }
        checker.tick(asked.into_values());
        drop(snapshot);
        sleep(TICK).await;
    }
}
