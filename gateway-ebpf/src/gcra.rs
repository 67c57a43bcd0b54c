//! The generic cell rate algorithm: a token bucket in one `u64` a key.
//!
//! The state is the theoretical arrival time (TAT) of the next packet, in nanoseconds of the monotonic clock.
//! See ITU-T I.371, annex A, or Brandur Leach's "Rate limiting, cells, and GCRA".

/// A rate with a burst. `interval_ns == 0` is no limit at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Rate {
    /// Nanoseconds that one packet is worth.
    pub interval_ns: u64,
    /// How far ahead of the clock the TAT may run: `(burst - 1) * interval_ns`.
    pub tolerance_ns: u64,
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self { interval_ns: 0, tolerance_ns: 0 };

    /// `per_second` packets a second, `burst` of them at once. Both at least 1.
    pub const fn per_second(per_second: u32, burst: u32) -> Self {
        let interval_ns = 1_000_000_000 / if per_second == 0 { 1 } else { per_second as u64 };
        Self { interval_ns, tolerance_ns: interval_ns * (burst as u64).saturating_sub(1) }
    }

    /// Whether the limit needs a clock that is finer than the kernel's tick of 1 to 10 ms: its burst lasts for less than
    /// 100 ms. What it admits is off by what a tick is worth.
    pub const fn is_fine(&self) -> bool {
        self.interval_ns != 0 && self.tolerance_ns < 100_000_000
    }

    /// The rate of `times` sources that share one key: so many times as many packets, in the long run and at once.
    #[inline(always)]
    #[must_use]
    pub const fn times(&self, times: u64) -> Self {
        if times <= 1 || self.interval_ns == 0 {
            return *self;
        }
        let interval_ns = self.interval_ns / times;
        // Zero would be no limit at all.
        Self { interval_ns: if interval_ns == 0 { 1 } else { interval_ns }, tolerance_ns: self.tolerance_ns }
    }

    /// The TAT after admitting a packet at `now`, or `None` when the packet is beyond the limit.
    /// A key that was never seen has a TAT of 0.
    #[inline(always)]
    pub const fn admit(&self, tat: u64, now: u64) -> Option<u64> {
        let start = if tat > now { tat } else { now };
        if start - now > self.tolerance_ns {
            return None;
        }
        Some(start + self.interval_ns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn admitted(rate: Rate, arrivals: impl IntoIterator<Item = u64>) -> usize {
        let mut tat = 0;
        arrivals
            .into_iter()
            .filter(|&now| match rate.admit(tat, now) {
                Some(next) => {
                    tat = next;
                    true
                }
                None => false,
            })
            .count()
    }

    #[test]
    fn a_burst_at_once_admits_exactly_the_burst() {
        assert_eq!(admitted(Rate::per_second(20, 40), core::iter::repeat_n(7 * SECOND, 100)), 40);
    }

    #[test]
    fn a_burst_of_one_admits_one_packet_an_interval() {
        let rate = Rate::per_second(10, 1);
        assert_eq!(admitted(rate, [SECOND, SECOND + 1, SECOND + rate.interval_ns]), 2);
    }

    #[test]
    fn an_idle_key_never_saves_more_than_the_burst() {
        let rate = Rate::per_second(20, 4);
        let later = (0..10).map(|_| 3600 * SECOND);
        assert_eq!(admitted(rate, core::iter::once(SECOND).chain(later)), 1 + 4);
    }

    #[test]
    fn short_bursts_need_a_fine_clock() {
        assert!(Rate::per_second(50, 1).is_fine());
        assert!(Rate::per_second(10_000, 1000).is_fine());
        assert!(!Rate::per_second(50, 100).is_fine());
        assert!(!Rate::UNLIMITED.is_fine());
    }

    #[test]
    fn unlimited_admits_all() {
        assert_eq!(admitted(Rate::UNLIMITED, core::iter::repeat_n(SECOND, 1000)), 1000);
    }

    #[test]
    fn a_shared_key_has_the_bursts_of_all() {
        let rate = Rate::per_second(20, 40);
        // A tenth of the interval within the same tolerance: ten bursts, less what rounding the first away takes.
        assert_eq!(admitted(rate.times(10), core::iter::repeat_n(7 * SECOND, 1000)), 10 * 39 + 1);
        assert_eq!((rate.times(0), rate.times(1)), (rate, rate));
        assert_eq!(rate.times(u64::MAX).interval_ns, 1);
        assert_eq!(Rate::UNLIMITED.times(5), Rate::UNLIMITED);
    }

    proptest! {
        /// The oracle is a plain token bucket with fractional tokens.
        #[test]
        fn agrees_with_a_token_bucket(
            per_second in 1u32..1000, burst in 1u32..50, gaps in prop::collection::vec(0u64..SECOND / 10, 1..200),
        ) {
            let rate = Rate::per_second(per_second, burst);
            let (mut tat, mut now, mut refilled) = (0, SECOND, SECOND);
            // Tokens in units of 1/interval, so that the oracle is exact as well.
            let capacity = u64::from(burst) * rate.interval_ns;
            let mut tokens = capacity;
            for gap in gaps {
                now += gap;
                tokens = capacity.min(tokens + (now - refilled));
                refilled = now;
                let expected = tokens >= rate.interval_ns;
                if expected {
                    tokens -= rate.interval_ns;
                }
                let next = rate.admit(tat, now);
                prop_assert_eq!(next.is_some(), expected);
                tat = next.unwrap_or(tat);
            }
        }
    }
}
