//! The two ways in which X.509 writes times (RFC 5280, 4.1.2.5).

use super::der::{DerError, Element, GENERALIZED_TIME, Reader, UTC_TIME};

/// The next element as seconds since the epoch; 0 for what is before it.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<u64, DerError> {
    let element = reader.any()?;
    seconds(element).ok_or(match element.tag {
        UTC_TIME | GENERALIZED_TIME => DerError::Time,
        found => DerError::Unexpected { expected: UTC_TIME, found },
    })
}

/// Whether the next element is a time.
pub(super) fn follows(reader: &Reader<'_>) -> bool {
    matches!(reader.peek(), Some(UTC_TIME | GENERALIZED_TIME))
}

fn seconds(element: Element<'_>) -> Option<u64> {
    let (year, &[rest @ .., b'Z']) = element.content.split_last_chunk::<11>()? else { return None };
    let year = match (element.tag, year) {
        (UTC_TIME, &[a, b]) => match number([a, b])? {
            year @ 0..50 => 2000 + year,
            year => 1900 + year,
        },
        (GENERALIZED_TIME, &[a, b, c, d]) => number([a, b])? * 100 + number([c, d])?,
        _ => return None,
    };
    let (pairs, _) = rest.as_chunks::<2>();
    let &[month, day, hour, minute, second] = pairs else { return None };
    let (month, day, hour, minute, second) =
        (number(month)?, number(day)?, number(hour)?, number(minute)?, number(second)?);
    if !(1..=days_in(month, year)?).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(u64::try_from(seconds).unwrap_or(0))
}

fn number([tens, ones]: [u8; 2]) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

fn days_in(month: i64, year: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => Some(28 + i64::from(leap)),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// Days since the epoch, counted from March, so that leap days come last (Hinnant, `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
