//! What a run came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

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
    /// Connections of good devices, from SYN to the end of the handshake.
    pub handshakes: Latency,
    /// Good answers, from the request to the end of the body.
    pub requests: Latency,
    /// What went wrong for good devices.
    pub errors: BTreeMap<String, u64>,
    /// How bad devices were refused, by what is wrong with them.
    pub refused: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Bad devices that got a good answer.
    pub admitted: BTreeMap<&'static str, u64>,
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
        json!({
            "devices": self.devices,
            "bad": self.bad,
            "seconds": self.elapsed.as_secs_f64(),
            "handshakes": latency(&self.handshakes),
            "requests": latency(&self.requests),
            "errors": self.errors,
            "refused": self.refused,
            "admitted": self.admitted,
        })
        .to_string()
    }
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
        for (name, latency) in [("handshakes", &self.handshakes), ("requests", &self.requests)] {
            writeln!(
                f,
                "{name:<11} {:>8}  {:>9.1}/s  {latency}",
                latency.count(),
                Self::rate(latency.count(), self.elapsed)
            )?;
        }
        write!(f, "errors      {:>8}", self.errors.values().sum::<u64>())?;
        for (reason, count) in &self.errors {
            write!(f, "\n  {reason}: {count}")?;
        }
        for (bad, reasons) in &self.refused {
            for (reason, count) in reasons {
                write!(f, "\nrefused as it should be, {bad}: {reason}: {count}")?;
            }
        }
        for (bad, count) in &self.admitted {
            write!(f, "\nADMITTED, {bad}: {count}")?;
        }
        Ok(())
    }
}
