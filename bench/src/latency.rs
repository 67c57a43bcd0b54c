//! Latencies as a histogram.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest that is told apart: a minute, in microseconds.
const LONGEST: u64 = 60_000_000;

/// A histogram of latencies, exact to a tenth of a percent.
#[derive(Clone, Debug)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        // Only bounds out of order or too many digits are refused; without bounds it would grow as needed.
        Self(Histogram::new_with_bounds(1, LONGEST, 3).unwrap_or_else(|_| unreachable!("valid bounds")))
    }
}

impl Latency {
    /// Adds one.
    pub fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST));
    }

    /// Adds all of another one.
    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// Points of its distribution: a latency in milliseconds, and the share that does not exceed it. At most 200.
    #[expect(clippy::cast_precision_loss, reason = "for a picture")]
    pub fn distribution(&self) -> Vec<(f64, f64)> {
        // More of them where there is less: half of the points are for the last percent.
        let shares = (0..100).map(|step| f64::from(step) / 100.0);
        let tail = (0..100).map(|step| 1.0 - 0.01 * 0.94_f64.powi(step));
        if self.count() == 0 {
            return Vec::new();
        }
        shares.chain(tail).map(|share| (self.0.value_at_quantile(share) as f64 / 1000.0, share)).collect()
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that the share `quantile` does not exceed, in microseconds; 0 when there are none.
    pub fn micros(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// The same in milliseconds; nothing when there are none.
    #[expect(clippy::cast_precision_loss, reason = "at most a minute")]
    pub fn millis(&self, quantile: f64) -> Option<f64> {
        (self.count() > 0).then(|| self.micros(quantile) as f64 / 1000.0)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.millis(0.5), self.millis(0.99)) {
            (Some(p50), Some(p99)) => write!(f, "p50 {p50:.2} ms, p99 {p99:.2} ms"),
            _ => f.write_str("p50 –, p99 –"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_recorded() {
        let mut latency = Latency::default();
        assert_eq!(latency.millis(0.5), None);
        for millis in 1..=100 {
            latency.record(Duration::from_millis(millis));
        }
        latency.record(Duration::from_hours(1));
        assert_eq!(latency.count(), 101);
        assert!((50_000..51_100).contains(&latency.micros(0.5)), "{}", latency.micros(0.5));
        assert!(latency.micros(1.0) >= LONGEST);
    }
}
