//! Moments, as the API writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since the epoch, now.
pub(in crate::api) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// RFC 3339, from milliseconds since the epoch.
pub(in crate::api) fn from_milliseconds(milliseconds: u64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000);
    moment.ok()?.format(&Rfc3339).ok()
}

/// RFC 3339, from seconds since the epoch.
pub(in crate::api) fn from_seconds(seconds: u64) -> Option<String> {
    from_milliseconds(seconds.saturating_mul(1000))
}

/// Milliseconds since the epoch, from RFC 3339.
pub(in crate::api) fn to_milliseconds(text: &str) -> Option<u64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}
