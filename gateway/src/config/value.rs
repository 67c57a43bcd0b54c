//! Values that TOML has no type for.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use fleetgate_ebpf::gcra::Rate;
use serde_json::{Value as Json, json};
use toml_span::de_helpers::TableHelper;
use toml_span::value::ValueInner;
use toml_span::{DeserError, Deserialize, Error, ErrorKind, Span, Spanned, Value};

/// A string that is parsed by `T::from_str`.
pub(super) struct Parsed<T>(pub(super) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(None)?;
        text.parse().map(Self).map_err(|error| invalid(format!("`{text}`: {error}"), value.span))
    }
}

/// What was parsed, still with its place.
pub(super) fn inner<T>(Spanned { value, span }: Spanned<Parsed<T>>) -> Spanned<T> {
    Spanned { value: value.0, span }
}

/// The longest time that may be configured: clocks overflow somewhere beyond.
const MAX_TIME: Duration = Duration::from_hours(24 * 365);
/// The highest rate: a packet a nanosecond, the resolution of the buckets.
const MAX_PER_SECOND: u32 = 1_000_000_000;

/// A length of time: `500ms`, `10s`, `5m`, `24h`.
pub(super) struct Time(pub(super) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(None)?;
        match humantime::parse_duration(&text) {
            Ok(time) if !time.is_zero() && time <= MAX_TIME => Ok(Self(time)),
            Ok(_) => Err(invalid(
                format!("`{text}` is out of range; give a time above 0 and up to a year"),
                value.span,
            )),
            Err(_) => Err(invalid(
                format!("`{text}` is not a length of time; write it like 500ms, 10s, 5m or 24h"),
                value.span,
            )),
        }
    }
}

/// A rate with a burst: `50/s burst 100`, or `off`.
pub(super) struct Limit(pub(super) Rate);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(None)?;
        rate(&text).map(Self).ok_or_else(|| {
            invalid(
                format!("`{text}` is not a rate; write it like \"50/s burst 100\", or \"off\""),
                value.span,
            )
        })
    }
}

fn rate(text: &str) -> Option<Rate> {
    if text == "off" {
        return Some(Rate::UNLIMITED);
    }
    let (per_second, burst) = text.split_once("/s burst ")?;
    let per_second: u32 = per_second.trim().parse().ok()?;
    let burst: u32 = burst.trim().parse().ok()?;
    ((1..=MAX_PER_SECOND).contains(&per_second) && burst > 0).then(|| Rate::per_second(per_second, burst))
}

/// A size with a least value, or its default.
pub(super) fn at_least(table: &mut TableHelper<'_>, key: &'static str, least: u32, default: u32) -> u32 {
    let size = table.optional_s(key).unwrap_or(Spanned::new(default));
    if size.value < least {
        table.errors.extend(invalid(format!("`{key}` must be at least {least}"), size.span).errors);
    }
    size.value
}

/// An error at a place.
pub(super) fn invalid(message: String, span: Span) -> DeserError {
    Error { kind: ErrorKind::Custom(message.into()), span, line_info: None }.into()
}

/// One of a closed list of words.
pub(super) fn word<T: Copy>(value: &mut Value<'_>, words: &[(&str, T)]) -> Result<T, DeserError> {
    let text = value.take_string(None)?;
    words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        invalid(format!("`{text}` is none of: {}", known.join(", ")), value.span)
    })
}

/// A value as JSON.
pub(super) fn to_json(value: &Value<'_>) -> Json {
    match value.as_ref() {
        ValueInner::String(text) => json!(text),
        ValueInner::Integer(number) => json!(number),
        ValueInner::Float(number) => json!(number),
        ValueInner::Boolean(truth) => json!(truth),
        ValueInner::Array(values) => values.iter().map(to_json).collect(),
        ValueInner::Table(table) => {
            Json::Object(table.iter().map(|(key, value)| (key.name.to_string(), to_json(value))).collect())
        }
    }
}
