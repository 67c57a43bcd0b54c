//! What a run came to.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Counts, Ledger, Tally};
use crate::latency::Latency;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How many devices.
    pub devices: usize,
    /// How many of them should be refused.
    pub bad: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// What they saw.
    pub tally: Tally,
}

impl Summary {
    /// Events a second.
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    pub fn rate(count: u64, time: Duration) -> f64 {
        count as f64 / time.as_secs_f64().max(f64::EPSILON)
    }

    /// The summary for a script.
    pub fn json(&self) -> String {
        let latency = |latency: &Latency| -> Value {
            json!({
                "count": latency.count(),
                "per_second": Self::rate(latency.count(), self.elapsed),
                "p50_ms": latency.millis(0.5),
                "p99_ms": latency.millis(0.99),
            })
        };
        let Tally { turned_away, admitted, .. } = &self.tally;
        let turned_away: BTreeMap<_, _> =
            turned_away.iter().map(|(bad, reasons)| (bad.label(), reasons)).collect();
        let admitted: BTreeMap<_, _> = admitted.iter().map(|(bad, count)| (bad.label(), count)).collect();
        json!({
            "devices": self.devices,
            "bad": self.bad,
            "seconds": self.elapsed.as_secs_f64(),
            "handshakes": latency(&self.tally.handshakes),
            "requests": latency(&self.tally.requests),
            "errors": self.tally.errors(),
            "refused": turned_away,
            "admitted": admitted,
        })
        .to_string()
    }
}

/// One line of what is going on among `devices` good ones; `added` came in the last `time`.
pub fn line(ledger: &Ledger, devices: usize, added: Counts, time: Duration) -> String {
    let tally = ledger.so_far();
    let mut line = format!(
        "{} of {devices} devices up · {:.1} handshakes/s · {:.1} requests/s · request {} · {} refused as they should",
        ledger.up(),
        Summary::rate(added.handshakes, time),
        Summary::rate(added.requests, time),
        tally.requests,
        tally.turned_away_in_all(),
    );
    // Writing to a string cannot fail.
    if tally.admitted_in_all() > 0 {
        let _ = write!(line, " · {} ADMITTED", tally.admitted_in_all());
    }
    for (reason, count) in tally.errors() {
        let _ = write!(line, " · {count} {reason}");
    }
    line
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} devices, {} of them bad, {:.1} s",
            self.devices,
            self.bad,
            self.elapsed.as_secs_f64()
        )?;
        for (name, latency) in [("handshakes", &self.tally.handshakes), ("requests", &self.tally.requests)] {
            let count = latency.count();
            writeln!(f, "{name:<11} {count:>8}  {:>9.1}/s  {latency}", Self::rate(count, self.elapsed))?;
        }
        let errors = self.tally.errors();
        write!(f, "errors      {:>8}", errors.values().sum::<u64>())?;
        for (reason, count) in &errors {
            write!(f, "\n  {reason}: {count}")?;
        }
        for (bad, reasons) in &self.tally.turned_away {
            for (reason, count) in reasons {
                write!(f, "\nrefused as it should be, {}: {reason}: {count}", bad.label())?;
            }
        }
        for (bad, count) in &self.tally.admitted {
            write!(f, "\nADMITTED, {}: {count}", bad.label())?;
        }
        Ok(())
    }
}
