//! What one device may do at a host.

use std::num::NonZeroU32;
use std::str::FromStr;

use bytesize::ByteSize;
use fleetgate_ebpf::gcra::Rate;

/// Limits of each device at a host, over all its connections. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceLimit {
    /// Requests.
    pub requests: Rate,
    /// Connections at the same time.
    pub connections: Option<NonZeroU32>,
    /// Bytes, each way.
    pub bytes: Option<ByteRate>,
}

impl DeviceLimit {
    /// Whether there is none.
    pub const fn is_off(&self) -> bool {
        self.requests.interval_ns == 0 && self.connections.is_none() && self.bytes.is_none()
    }
}

/// Bytes a second, with a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRate {
    per_second: u64,
    burst: u64,
}

/// What is no rate of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteRateError {
    /// It is written in another way.
    #[error("write it like \"1MB/s\" or \"512KiB/s burst 2MiB\"")]
    Form,
    /// A piece of a body would wait for longer than origins do.
    #[error("the least is 4KiB/s")]
    Slow,
    /// Beyond what the clock resolves.
    #[error("the most is 1GB/s, and a burst of 1GB")]
    Fast,
}

impl ByteRate {
    /// The least rate. What is read at once, 64 KiB, waits for a quarter of a minute then.
    const LEAST: u64 = 4096;
    /// The highest rate, and the largest burst.
    const MOST: u64 = 1_000_000_000;

    /// How long `bytes` take, in nanoseconds.
    pub const fn cost(self, bytes: u64) -> u64 {
        bytes.saturating_mul(1_000_000_000) / self.per_second
    }

    /// How far ahead of the clock they may be, in nanoseconds.
    pub const fn tolerance(self) -> u64 {
        self.cost(self.burst)
    }
}

impl FromStr for ByteRate {
    type Err = ByteRateError;

    /// `1MB/s`, with a burst of what comes in a second, or `1MB/s burst 4MB`.
    fn from_str(text: &str) -> Result<Self, ByteRateError> {
        let (rate, burst) = match text.split_once(" burst ") {
            Some((rate, burst)) => (rate, Some(burst)),
            None => (text, None),
        };
        let size = |text: &str| text.parse::<ByteSize>().map(|size| size.0).map_err(|_| ByteRateError::Form);
        let per_second = size(rate.strip_suffix("/s").ok_or(ByteRateError::Form)?)?;
        let burst = burst.map_or(Ok(per_second), size)?;
        if per_second < Self::LEAST {
            Err(ByteRateError::Slow)
        } else if per_second > Self::MOST || burst > Self::MOST {
            Err(ByteRateError::Fast)
        } else {
            Ok(Self { per_second, burst })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_bytes_has_units_and_a_burst() {
        let rate = |per_second, burst| Ok(ByteRate { per_second, burst });
        for (text, expected) in [
            ("1MB/s", rate(1_000_000, 1_000_000)),
            ("512KiB/s burst 2MiB", rate(512 << 10, 2 << 20)),
            ("4096B/s burst 1B", rate(4096, 1)),
            ("4095B/s", Err(ByteRateError::Slow)),
            ("2GB/s", Err(ByteRateError::Fast)),
            ("1MB/s burst 2GB", Err(ByteRateError::Fast)),
            ("1MB", Err(ByteRateError::Form)),
            ("-1MB/s", Err(ByteRateError::Form)),
            ("many/s", Err(ByteRateError::Form)),
            ("1MB/s burst ", Err(ByteRateError::Form)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }

    #[test]
    fn bytes_cost_time() {
        let rate: ByteRate = "1MB/s burst 2MB".parse().unwrap();
        assert_eq!((rate.cost(1), rate.cost(500_000), rate.tolerance()), (1000, 500_000_000, 2_000_000_000));
    }
}
