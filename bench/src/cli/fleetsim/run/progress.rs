//! What is shown while devices are at work.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::sim::{Ledger, line};

/// How often it is looked at.
const TICK: Duration = Duration::from_millis(500);

/// Shows what `devices` good ones see on a terminal, for ever; without one, or when not `wanted`, nothing.
pub(super) async fn show(ledger: &Ledger, devices: usize, wanted: bool) {
    let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(target);
    let (mut before, mut then) = (ledger.counts(), Instant::now());
    loop {
        tokio::time::sleep(TICK).await;
        let (counts, now) = (ledger.counts(), Instant::now());
        bar.set_message(line(ledger, devices, counts.since(before), now - then));
        bar.tick();
        (before, then) = (counts, now);
    }
}
