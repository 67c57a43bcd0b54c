//! When a URL is asked again.

use std::time::Duration;

/// After the first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// However soon a list is due, a URL is not asked more often, unless it is configured so.
const LEAST: Duration = Duration::from_secs(10);
/// While a list is overdue.
const OVERDUE: Duration = Duration::from_mins(1);

/// What is known when an attempt has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// How often it is asked when nothing presses.
    pub(super) refresh: Duration,
    /// Attempts that failed since the last one that did not.
    pub(super) failures: u32,
    /// From when to when the list is good, in seconds since the epoch.
    pub(super) window: Option<(u64, u64)>,
    /// Seconds since the epoch.
    pub(super) now: u64,
}

/// How long to wait until the next attempt. `chance`, from 0 to 1, spreads gateways that started together; it only ever
/// shortens.
pub(super) fn delay(attempt: Attempt, chance: f64) -> Duration {
    let Attempt { refresh, failures, window, now } = attempt;
    let least = LEAST.min(refresh);
    let planned = if failures > 0 {
        let doubled = FIRST_RETRY.saturating_mul(1 << (failures - 1).min(16));
        doubled.min(window.map_or(refresh, |window| refresh.min(until_due(window, now).max(OVERDUE))))
    } else {
        window.map_or(refresh, |window| refresh.min(until_due(window, now))).max(least)
    };
    let spread = if failures > 0 { 0.5 } else { 0.1 };
    planned.min(refresh).mul_f64(1.0 - spread * chance.clamp(0.0, 1.0))
}

/// The next point at which a newer list should be looked for: at half of the window, at four fifths, and then at half of
/// what is left, again and again.
fn until_due((made, due): (u64, u64), now: u64) -> Duration {
    if now >= due {
        return OVERDUE;
    }
    let window = due.saturating_sub(made);
    let points = [made.saturating_add(window / 2), made.saturating_add(window / 5 * 4)];
    let next = points.into_iter().find(|point| *point > now);
    Duration::from_secs(next.map_or((due - now) / 2, |point| point - now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const NOON: u64 = 1_700_000_000;

    fn seconds(failures: u32, window: Option<(u64, u64)>, refresh: u64) -> u64 {
        let refresh = Duration::from_secs(refresh);
        delay(Attempt { refresh, failures, window, now: NOON }, 0.0).as_secs()
    }

    #[test]
    fn without_a_date_or_with_a_far_one_the_configured_time_counts() {
        assert_eq!(seconds(0, None, 900), 900);
        assert_eq!(seconds(0, Some((NOON, NOON + 24 * HOUR)), 900), 900);
    }

    #[test]
    fn half_and_four_fifths_of_the_window_come_first() {
        let day = 24 * HOUR;
        assert_eq!(seconds(0, Some((NOON, NOON + HOUR)), day), HOUR / 2);
        assert_eq!(seconds(0, Some((NOON - HOUR / 2, NOON + HOUR / 2)), day), HOUR / 5 * 4 - HOUR / 2);
        assert_eq!(seconds(0, Some((NOON - HOUR / 5 * 4, NOON + HOUR / 5)), day), HOUR / 10);
    }

    #[test]
    fn a_list_that_is_due_is_asked_for_every_minute_and_not_in_a_loop() {
        assert_eq!(seconds(0, Some((NOON - HOUR, NOON - 1)), 900), 60);
        assert_eq!(seconds(0, Some((NOON - HOUR, NOON + 1)), 900), 10);
        assert_eq!(seconds(0, Some((NOON - HOUR, NOON + 1)), 2), 2);
        assert_eq!(seconds(0, Some((NOON + 1, NOON)), 900), 60, "dates that make no sense");
    }

    #[test]
    fn failures_wait_longer_and_longer_up_to_the_configured_time() {
        let waits: Vec<_> = (1..=9).map(|failures| seconds(failures, None, 900)).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900]);
        assert_eq!(seconds(u32::MAX, None, 900), 900);
        assert_eq!(seconds(1, None, 2), 2);
        assert_eq!(seconds(20, Some((NOON - HOUR, NOON - 1)), 900), 60, "an overdue list stays urgent");
    }

    #[test]
    fn chance_only_shortens() {
        let attempt = |failures| Attempt {
            refresh: Duration::from_secs(1000),
            failures,
            window: Some((NOON, NOON + 24 * HOUR)),
            now: NOON,
        };
        assert_eq!(delay(attempt(0), 1.0).as_secs(), 900);
        assert_eq!(delay(attempt(2), 1.0).as_secs(), 5);
        assert_eq!(delay(attempt(0), 7.0), delay(attempt(0), 1.0));
    }
}
