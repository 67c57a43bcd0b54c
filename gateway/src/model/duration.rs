//! Lengths of time as Go writes them, which is how the API has them: `24h`, `2h45m`, `300ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest that is accepted: sessions beyond a year are a mistake.
const MAX: Duration = Duration::from_hours(24 * 366);

/// A length of time, from nothing to a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(Duration);

/// Why a text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not numbers with units.
    #[error("not a length of time; write it like 24h, 2h45m or 300ms")]
    Syntax,
    /// Beyond a year, or before now.
    #[error("out of range; give at most a year")]
    Range,
    /// Beyond what Go can hold.
    #[error("out of range; Go's lengths of time end after 292 years, and none is negative here")]
    BeyondGo,
}

/// Any length of time that Go can hold, as cfssl has it.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let nanoseconds = nanoseconds(text).map_err(|error| match error {
        DurationError::Range => DurationError::BeyondGo,
        error => error,
    })?;
    i64::try_from(nanoseconds)
        .map(|nanoseconds| Duration::from_nanos(nanoseconds.unsigned_abs()))
        .map_err(|_| DurationError::BeyondGo)
}

impl GoDuration {
    /// What a session lasts unless somebody says otherwise.
    pub const DAY: Self = Self(Duration::from_hours(24));

    /// The length.
    pub fn get(self) -> Duration {
        self.0
    }
}

/// Nanoseconds of each unit. Longer names first: `m` begins `ms`.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // U+00B5
    ("μs", 1_000), // U+03BC
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let total = u64::try_from(nanoseconds(text)?).map(Duration::from_nanos);
        total.ok().filter(|total| *total <= MAX).map(Self).ok_or(DurationError::Range)
    }
}

/// The sum of a text's parts.
fn nanoseconds(text: &str) -> Result<u128, DurationError> {
    if text == "0" {
        return Ok(0);
    }
    if text.starts_with('-') {
        return Err(DurationError::Range);
    }
    let (mut rest, mut total) = (text.strip_prefix('+').unwrap_or(text), 0_u128);
    if rest.is_empty() {
        return Err(DurationError::Syntax);
    }
    while !rest.is_empty() {
        let (nanoseconds, after) = part(rest)?;
        total = total.saturating_add(nanoseconds);
        rest = after;
    }
    Ok(total)
}

/// A number and its unit, in nanoseconds, and what follows. Fractions are cut off below a nanosecond, as Go does.
fn part(text: &str) -> Result<(u128, &str), DurationError> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Syntax);
    }
    let unit = UNITS.iter().find_map(|(unit, size)| Some((rest.strip_prefix(unit)?, u128::from(*size))));
    let (rest, size) = unit.ok_or(DurationError::Syntax)?;
    let number = |digits: &str| match digits {
        "" => Ok(0_u128),
        digits => digits.parse().map_err(|_| DurationError::Range),
    };
    let whole = number(whole)?.checked_mul(size).ok_or(DurationError::Range)?;
    // Beyond 18 digits nothing is left of an hour.
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    Ok((whole.saturating_add(number(fraction)? * size / scale), rest))
}

impl fmt::Display for GoDuration {
    /// The shortest that means the same: `24h`, `2h45m`, `300ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_nanos();
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in UNITS.iter().rev().filter(|(unit, _)| unit.is_ascii()) {
            let count = left / u128::from(*size);
            left %= u128::from(*size);
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanoseconds(text: &str) -> Result<u128, DurationError> {
        text.parse().map(|duration: GoDuration| duration.get().as_nanos())
    }

    /// What Go's own documentation and tests of `ParseDuration` have.
    #[test]
    fn every_spelling_of_go_is_read() {
        let cases = [
            ("0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("24h", 86_400_000_000_000),
            ("2h45m", 9_900_000_000_000),
            ("300ms", 300_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("+5s", 5_000_000_000),
            ("12µs", 12_000),
            ("12μs", 12_000),
            ("12us", 12_000),
            ("7ns", 7),
            ("1h1h", 7_200_000_000_000),
            ("0.9999999999999999999999999ns", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(nanoseconds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "3", "s", ".", ".s", "+", "1 h", "1d", "1hm", "h1", "1h-5m", "1e3s", "٣s"] {
            assert_eq!(nanoseconds(text), Err(DurationError::Syntax), "{text}");
        }
        for text in [
            "-1h",
            "8785h",
            "99999999999999999999999999999999999999999h",
            "340282366920938463463374607431768211455h",
        ] {
            assert_eq!(nanoseconds(text), Err(DurationError::Range), "{text}");
        }
    }

    #[test]
    fn a_ca_lasts_longer_than_a_session() {
        assert_eq!(parse("87600h"), Ok(Duration::from_hours(87_600)));
        assert_eq!(parse("2562047h47m16.854775807s"), Ok(Duration::from_nanos(i64::MAX.unsigned_abs())));
        assert_eq!(parse("2562048h"), Err(DurationError::BeyondGo));
        assert_eq!(parse("-1h"), Err(DurationError::BeyondGo));
        assert_eq!(parse("365d"), Err(DurationError::Syntax));
    }

    #[test]
    fn it_is_written_as_it_would_be_typed() {
        for text in ["0s", "24h", "2h45m", "300ms", "1h30s", "1us500ns"] {
            assert_eq!(text.parse::<GoDuration>().unwrap().to_string(), text);
        }
    }
}
