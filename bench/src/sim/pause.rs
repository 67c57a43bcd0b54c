//! How long a device rests.

use std::time::Duration;

use serde::Deserialize;

/// How long a device without a backoff rests after a failure: less, and a simulated fleet would do nothing else.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Rests that get longer: anywhere from 0 to `first`, after another failure to twice that, up to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The longest rest after a connection that was lost.
    #[serde(with = "super::time")]
    pub first: Duration,
    /// The longest at all.
    #[serde(with = "super::time")]
    pub most: Duration,
}

/// Where a device is between its failures.
#[derive(Debug)]
pub(super) struct Pause {
    backoff: Option<Backoff>,
    failures: u32,
}

impl Pause {
    pub(super) fn new(backoff: Option<Backoff>) -> Self {
        Self { backoff, failures: 0 }
    }

    /// It was answered: what comes next is a first failure.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// After a connection that was lost while it was good.
    pub(super) fn after_loss(&self) -> Duration {
        self.backoff.map_or(Duration::ZERO, |backoff| backoff.first.mul_f64(fastrand::f64()))
    }

    /// After an attempt that failed.
    pub(super) fn after_failure(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let Some(Backoff { first, most }) = self.backoff else { return AT_ONCE };
        let longest = first.saturating_mul(2_u32.saturating_pow(self.failures)).min(most);
        longest.mul_f64(fastrand::f64()).max(AT_ONCE)
    }
}

/// Half to one and a half times a time.
pub(super) fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.5 + fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_backoff_a_device_comes_back_at_once() {
        let mut pause = Pause::new(None);
        assert_eq!(pause.after_loss(), Duration::ZERO);
        assert_eq!((pause.after_failure(), pause.after_failure()), (AT_ONCE, AT_ONCE));
    }

    #[test]
    fn with_one_it_rests_longer_and_longer_up_to_the_most() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(8) };
        let longest = |failures: u32| {
            (0..200)
                .map(|_| Pause { backoff: Some(backoff), failures }.after_failure())
                .max()
                .unwrap_or_default()
        };
        assert!(longest(0) > Duration::from_secs(1) && longest(0) <= Duration::from_secs(2));
        assert!(longest(1) > Duration::from_secs(2) && longest(1) <= Duration::from_secs(4));
        assert!(longest(30) > Duration::from_secs(4) && longest(30) <= Duration::from_secs(8));
    }
}
