//! `traceparent` (W3C Trace Context): passed on when it is one, started where that is wanted.

use http::{HeaderMap, HeaderName, HeaderValue};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// Takes out what is no trace, and starts one where there is none and `start` says so. We record nothing of it ourselves, so
/// that it is started as not sampled.
pub(super) fn pass(headers: &mut HeaderMap, start: bool) {
    let mut parents = headers.get_all(PARENT).iter();
    let is_one = parents.next().is_some_and(is_valid) && parents.next().is_none();
    if is_one {
        return;
    }
    headers.remove(PARENT);
    headers.remove(STATE);
    if start && let Ok(parent) = HeaderValue::try_from(new()) {
        headers.insert(PARENT, parent);
    }
}

fn new() -> String {
    // Neither id may be zero.
    let trace = fastrand::u128(1..);
    let span = fastrand::u64(1..);
    format!("00-{trace:032x}-{span:016x}-00")
}

/// `version-trace-parent-flags` in lower-case hexadecimal; later versions may have more behind it.
fn is_valid(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let mut fields = text.split('-');
    let mut hex = |length: usize| {
        fields.next().filter(|field| {
            field.len() == length && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (version, trace, parent, flags) = (hex(2), hex(32), hex(16), hex(2));
    let is_set = |field: Option<&str>| field.is_some_and(|field| field.bytes().any(|byte| byte != b'0'));
    let rest = fields.next();
    match version {
        None | Some("ff") => false,
        Some("00") if rest.is_some() => false,
        Some(_) => is_set(trace) && is_set(parent) && flags.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn passed(parents: &[&'static str], start: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append(PARENT, HeaderValue::from_static(parent));
        }
        headers.insert(STATE, HeaderValue::from_static("a=b"));
        pass(&mut headers, start);
        headers
    }

    #[test]
    fn a_trace_is_passed_on() {
        for good in [GOOD, "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-later"] {
            let headers = passed(&[good], true);
            let values = ["traceparent", "tracestate"].map(|name| headers[name].to_str().unwrap());
            assert_eq!(values, [good, "a=b"]);
        }
    }

    #[test]
    fn what_is_no_trace_goes_with_its_state() {
        let cases: [&[&'static str]; 7] = [
            &[],
            &["x"],
            &[GOOD, GOOD],
            &["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            &["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            &["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"],
        ];
        for parents in cases {
            let headers = passed(parents, false);
            assert!(headers.is_empty(), "{parents:?}: {headers:?}");
            assert!(is_valid(&passed(parents, true)["traceparent"]), "{parents:?}");
        }
    }
}
