//! How long a stream may stand still, and how long it may be.

use std::time::Duration;

use tokio::time::Instant;

use crate::connection::InForce;

/// A stream's bounds in time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    idle: Duration,
    end: Instant,
    last: Instant,
}

/// What a clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing has moved for too long.
    Idle,
    /// It has been open for too long.
    Total,
}

impl Clock {
    /// Starts now, with the bounds in force. It keeps nothing of the snapshot.
    pub fn start(in_force: InForce<'_>) -> Self {
        let snapshot = in_force.snapshot.load();
        Self::new(snapshot.timeouts.stream_idle, snapshot.timeouts.stream_total)
    }

    /// Starts now.
    pub fn new(idle: Duration, total: Duration) -> Self {
        let now = Instant::now();
        Self { idle, end: now + total, last: now }
    }

    /// Something moved.
    pub fn moved(&mut self) {
        self.last = Instant::now();
    }

    /// When it has to be asked again, if nothing moves.
    pub fn next(&self) -> Instant {
        self.end.min(self.last + self.idle)
    }

    /// Whether a bound is reached.
    pub fn due(&self) -> Option<Due> {
        let now = Instant::now();
        if now >= self.end {
            Some(Due::Total)
        } else if now >= self.last + self.idle {
            Some(Due::Idle)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_moves_is_not_idle_and_nothing_lasts_for_ever() {
        let mut clock = Clock::new(10 * SECOND, 25 * SECOND);
        for _ in 0..2 {
            advance(9 * SECOND).await;
            assert_eq!(clock.due(), None);
            clock.moved();
        }
        assert_eq!(clock.next(), Instant::now() + 7 * SECOND);
        advance(7 * SECOND).await;
        assert_eq!(clock.due(), Some(Due::Total));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_still_is_idle() {
        let clock = Clock::new(10 * SECOND, 25 * SECOND);
        assert_eq!(clock.next(), Instant::now() + 10 * SECOND);
        advance(10 * SECOND).await;
        assert_eq!(clock.due(), Some(Due::Idle));
    }
}
