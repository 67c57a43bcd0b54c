//! What is known of an origin's health, by all workers.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that put an origin out.
const FAILURES: u32 = 3;
/// How long it is out at first; twice as long each time that it fails its trial.
const FIRST: Duration = Duration::from_secs(1);
/// How long it is out at most.
const LONGEST: Duration = Duration::from_mins(1);
/// How long a trial keeps others away.
const TRIAL: Duration = Duration::from_secs(5);

/// Milliseconds since the first look at the clock, from 1.
pub(super) fn now() -> u64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    millis(BEGIN.elapsed()).saturating_add(1)
}

/// An origin's health. One that works is only ever read: no worker waits for another.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Failures in a row.
    failures: AtomicU32,
    /// Times in a row that it was put out.
    outs: AtomicU32,
    /// Until when it is out; 0 when it is not.
    until: AtomicU64,
    /// Whether its health checks fail.
    unwell: AtomicBool,
}

/// Whether an origin may be sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Yes.
    In,
    /// It was out for long enough: one request may try it.
    Due,
    /// No, as long as there are others.
    Out,
}

impl Health {
    pub(super) fn standing(&self, now: u64) -> Standing {
        if self.unwell.load(Relaxed) {
            return Standing::Out;
        }
        match self.until.load(Relaxed) {
            0 => Standing::In,
            until if until <= now => Standing::Due,
            _ => Standing::Out,
        }
    }

    /// Takes the one trial of an origin that is due. False when somebody else was faster.
    pub(super) fn try_it(&self, now: u64) -> bool {
        let until = self.until.load(Relaxed);
        let trial = now.saturating_add(millis(TRIAL));
        until <= now && self.until.compare_exchange(until, trial, Relaxed, Relaxed).is_ok()
    }

    /// It answered.
    pub(super) fn succeeded(&self) {
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
            self.outs.store(0, Relaxed);
            self.until.store(0, Relaxed);
        }
    }

    /// It did not, perhaps on `trial`. True when that puts it out.
    pub(super) fn failed(&self, now: u64, trial: bool) -> bool {
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        let until = self.until.load(Relaxed);
        // Many requests are under way when an origin dies: those that fail after it was put out say nothing new.
        if !trial && (failures < FAILURES || until > now) {
            return false;
        }
        let outs = self.outs.load(Relaxed);
        let out = FIRST.saturating_mul(1 << outs.min(6)).min(LONGEST);
        let next = now.saturating_add(millis(out));
        let is_put_out = self.until.compare_exchange(until, next, Relaxed, Relaxed).is_ok();
        if is_put_out {
            self.outs.store(outs.saturating_add(1), Relaxed);
        }
        is_put_out
    }

    /// Ends the time that it is out.
    #[cfg(test)]
    pub(super) fn make_due(&self) {
        self.until.store(1, Relaxed);
    }

    /// What its health checks say. True when that is news.
    pub(super) fn set_well(&self, well: bool) -> bool {
        self.unwell.swap(!well, Relaxed) == well
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    fn out(health: &Health, now: u64) {
        assert!(!health.failed(now, false) && !health.failed(now, false) && health.failed(now, false));
    }

    #[test]
    fn three_failures_in_a_row_put_an_origin_out_and_fewer_do_not() {
        let health = Health::default();
        for _ in 0..10 {
            assert!(!health.failed(1, false) && !health.failed(1, false));
            health.succeeded();
        }
        assert_eq!(health.standing(1), Standing::In);
        out(&health, 1);
        assert_eq!(health.standing(1), Standing::Out);
    }

    #[test]
    fn it_is_due_after_a_time_that_grows_with_each_failed_trial_up_to_a_minute() {
        let health = Health::default();
        let mut now = 1;
        out(&health, now);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            now += seconds * SECOND - 1;
            assert_eq!(health.standing(now), Standing::Out, "{seconds}");
            now += 1;
            assert_eq!(health.standing(now), Standing::Due, "{seconds}");
            assert!(health.try_it(now));
            assert!(health.failed(now, true));
        }
    }

    #[test]
    fn one_request_tries_it_and_the_others_stay_away() {
        let health = Health::default();
        out(&health, 1);
        let now = 1 + SECOND;
        assert!(health.try_it(now) && !health.try_it(now));
        assert_eq!(health.standing(now), Standing::Out);
        health.succeeded();
        assert_eq!(health.standing(now), Standing::In);
        out(&health, now);
        assert_eq!(health.standing(now + SECOND), Standing::Due, "an old failure is forgiven");
    }

    #[test]
    fn a_trial_that_is_never_heard_of_is_followed_by_another() {
        let health = Health::default();
        out(&health, 1);
        let now = 1 + SECOND;
        assert!(health.try_it(now));
        assert_eq!(health.standing(now + millis(TRIAL)), Standing::Due);
    }

    #[test]
    fn what_fails_after_it_was_put_out_does_not_make_that_longer() {
        let health = Health::default();
        out(&health, 1);
        for _ in 0..100 {
            assert!(!health.failed(2, false));
        }
        assert_eq!(health.standing(1 + SECOND), Standing::Due);
    }

    #[test]
    fn health_checks_count_beside_requests() {
        let health = Health::default();
        assert!(health.set_well(false) && !health.set_well(false));
        health.succeeded();
        assert_eq!(health.standing(1), Standing::Out);
        health.set_well(true);
        assert_eq!(health.standing(1), Standing::In);
        out(&health, 1);
        health.set_well(true);
        assert_eq!(health.standing(1), Standing::Out);
    }
}
