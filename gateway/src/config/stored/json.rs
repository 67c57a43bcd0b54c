//! JSON as the parsers of the file take it: each value has a place of its own, its number in the order of reading.

use std::borrow::Cow;

use serde_json::Value as Json;
use toml_span::value::{Key, ValueInner};
use toml_span::{Span, Value};

/// Values in it, itself included: as many places as it has.
pub fn size(json: &Json) -> usize {
    match json {
        Json::Array(values) => 1 + values.iter().map(size).sum::<usize>(),
        Json::Object(entries) => 1 + entries.values().map(size).sum::<usize>(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 1,
    }
}

/// Where the value with this number is: a JSON pointer. The whole is number 0.
pub fn pointer(json: &Json, number: usize) -> String {
    let (mut path, mut left) = (String::new(), number);
    if !walk(json, &mut left, &mut path) {
        path.clear();
    }
    path
}

fn walk(json: &Json, left: &mut usize, path: &mut String) -> bool {
    let Some(rest) = left.checked_sub(1) else { return true };
    *left = rest;
    let length = path.len();
    let mut step = |name: &str, value| {
        path.truncate(length);
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        walk(value, left, path)
    };
    match json {
        Json::Array(values) => {
            values.iter().enumerate().any(|(index, value)| step(&index.to_string(), value))
        }
        Json::Object(entries) => entries.iter().any(|(name, value)| step(name, value)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// An object as a table, of its keys only those in `known`. The object has the place `first`.
pub(super) fn table<'a>(json: &'a Json, first: usize, known: &[&str]) -> Option<Value<'a>> {
    let Json::Object(entries) = json else { return None };
    let (mut next, mut table) = (first + 1, toml_span::value::Table::new());
    for (name, json) in entries {
        if !known.contains(&name.as_str()) {
            next += size(json);
            continue;
        }
        let span = Span::new(next, next + 1);
        if let Some(value) = value(json, &mut next) {
            table.insert(Key { name: Cow::Borrowed(name), span }, value);
        }
    }
    Some(Value::with_span(ValueInner::Table(table), Span::new(first, first + 1)))
}

/// Nothing for null.
fn value<'a>(json: &'a Json, next: &mut usize) -> Option<Value<'a>> {
    let span = Span::new(*next, *next + 1);
    *next += 1;
    let inner = match json {
        Json::Null => return None,
        Json::Bool(truth) => ValueInner::Boolean(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => ValueInner::Integer(number),
            None => ValueInner::Float(number.as_f64().unwrap_or(f64::MAX)),
        },
        Json::String(text) => ValueInner::String(Cow::Borrowed(text)),
        Json::Array(values) => {
            ValueInner::Array(values.iter().filter_map(|json| value(json, next)).collect())
        }
        Json::Object(entries) => {
            let mut table = toml_span::value::Table::new();
            for (name, json) in entries {
                let span = Span::new(*next, *next + 1);
                if let Some(value) = value(json, next) {
                    table.insert(Key { name: Cow::Borrowed(name), span }, value);
                }
            }
            ValueInner::Table(table)
        }
    };
    Some(Value::with_span(inner, span))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_value_has_a_number_and_a_pointer() {
        let document = json!({ "a": [1, { "b/c": null, "d": "x" }], "e~": {} });
        let pointers: Vec<_> = (0..size(&document)).map(|number| pointer(&document, number)).collect();
        assert_eq!(pointers, ["", "/a", "/a/0", "/a/1", "/a/1/b~1c", "/a/1/d", "/e~0"]);
        for place in &pointers[1..] {
            assert!(document.pointer(place).is_some(), "{place}");
        }
        assert_eq!(pointer(&document, 99), "");
    }

    #[test]
    fn a_tables_values_have_the_places_of_their_pointers_whatever_is_left_out() {
        let document = json!({ "b": { "x": 1 }, "a": null, "c": [true, "t"], "n": 1.5 });
        let table = table(&document, 100, &["a", "c", "n"]).unwrap();
        let of = |value: &Value<'_>| pointer(&document, value.span.start - 100);
        assert!(table.pointer("/b").is_none() && table.pointer("/a").is_none());
        for place in ["/c", "/c/0", "/c/1", "/n"] {
            assert_eq!(of(table.pointer(place).unwrap()), place);
        }
    }
}
