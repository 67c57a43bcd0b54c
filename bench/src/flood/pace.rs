//! How much is due: so much a second, and no more than that in all.

use std::time::{Duration, Instant};

/// What is due when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    begun: Instant,
    rate: u32,
    time: Duration,
}

impl Pace {
    /// `rate` a second from now on, for `time`.
    pub(super) fn begin(rate: u32, time: Duration) -> Self {
        Self { begun: Instant::now(), rate, time }
    }

    /// How many are due now, after so many were sent; `None` when the time is over.
    pub(super) fn due(&self, sent: u64) -> Option<u64> {
        self.due_at(self.begun.elapsed(), sent)
    }

    fn due_at(&self, elapsed: Duration, sent: u64) -> Option<u64> {
        // In microseconds: an hour at the highest rate is far from the end of the type.
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let all = micros.saturating_mul(self.rate.into()) / 1_000_000;
        (elapsed < self.time).then(|| all.saturating_sub(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_is_made_up_for_and_nothing_is_due_when_the_time_is_over() {
        let pace = Pace::begin(1000, Duration::from_secs(2));
        let due = |millis, sent| pace.due_at(Duration::from_millis(millis), sent);
        assert_eq!(due(0, 0), Some(0));
        assert_eq!(due(10, 0), Some(10));
        assert_eq!(due(1500, 1000), Some(500));
        assert_eq!(due(10, 11), Some(0));
        assert_eq!(due(2000, 0), None);
    }
}
