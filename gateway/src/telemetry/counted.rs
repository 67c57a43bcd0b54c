//! Gauges that count what there is.

use prometheus::IntGauge;

/// Counts something for as long as this lives.
#[derive(Debug)]
pub struct Counted(IntGauge);

impl Counted {
    /// One more.
    pub fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
