//! Which metrics there are. Read from the list that the registry is made from: a metric with labels shows in a scrape
//! only once it has counted something.

use std::collections::{BTreeMap, BTreeSet};

use fleetgate::telemetry::Metrics;

use crate::repository;

/// Labels that Prometheus adds to whatever it scrapes.
const ADDED: [&str; 2] = ["instance", "job"];

/// A metric.
#[derive(Debug)]
pub(crate) struct Metric {
    /// `counter`, `gauge` or `histogram`.
    pub(crate) kind: &'static str,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) help: String,
}

/// Every metric by its name.
pub(crate) fn metrics() -> BTreeMap<String, Metric> {
    let source = repository::read("gateway/src/telemetry/metrics.rs");
    let (_, list) = source.split_once("\nmetrics! {\n").unwrap();
    let (list, _) = list.split_once("\n}\n").unwrap();
    let mut help = String::new();
    let mut metrics = process_metrics();
    for line in list.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            help.push_str(text);
            continue;
        }
        let (field, rest) = line.split_once(" = ").unwrap_or_else(|| panic!("not understood: {line}"));
        let mut quoted = rest.split('"').skip(1).step_by(2).map(str::to_owned);
        let metric = Metric {
            kind: kind(field),
            help: std::mem::take(&mut help).trim().into(),
            labels: BTreeSet::new(),
        };
        let name = quoted.next().unwrap();
        metrics.insert(name, Metric { labels: quoted.collect(), ..metric });
    }
    metrics
}

fn kind(field: &str) -> &'static str {
    match field.split_once(": ").unwrap().1 {
        "IntCounter" | "IntCounterVec" => "counter",
        "Gauge" | "IntGauge" | "IntGaugeVec" => "gauge",
        "Histogram" | "HistogramVec" => "histogram",
        other => panic!("what is a {other}?"),
    }
}

/// What the process collector adds; none of it has labels.
fn process_metrics() -> BTreeMap<String, Metric> {
    let metrics = Metrics::new().unwrap();
    metrics.register_process().unwrap();
    let scrape = String::from_utf8(metrics.render()).unwrap();
    let mut found = BTreeMap::new();
    let mut help = String::new();
    for line in scrape.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (_, Some("HELP"), Some(_), Some(text)) => text.clone_into(&mut help),
            (_, Some("TYPE"), Some(name), Some(kind)) if name.starts_with("process_") => {
                let kind = if kind == "counter" { "counter" } else { "gauge" };
                found.insert(name.into(), Metric { kind, labels: BTreeSet::new(), help: help.clone() });
            }
            _ => {}
        }
    }
    found
}

/// Fails when an expression of Prometheus, or a text with expressions in it, names a metric or a label that does not exist.
/// Returns the metrics that it names.
pub(crate) fn assert_known(place: &str, text: &str) -> BTreeSet<String> {
    let metrics = metrics();
    let mut named = BTreeSet::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let word = &rest[start..];
        let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
        let (name, after) = word.split_at(end);
        rest = after;
        if !name.starts_with("fleetgate_") && !name.starts_with("process_") {
            continue;
        }
        let (name, metric) =
            find(&metrics, name).unwrap_or_else(|| panic!("{place}: there is no metric {name}"));
        for label in selected_labels(after) {
            let known = metric.labels.contains(label) || ADDED.contains(&label);
            assert!(known, "{place}: {name} has no label {label}");
        }
        named.insert(name.to_owned());
    }
    named
}

/// The metric behind a series: of a histogram, series have the names of its parts.
fn find<'a>(metrics: &'a BTreeMap<String, Metric>, series: &str) -> Option<(&'a str, &'a Metric)> {
    let whole = metrics.get_key_value(series);
    let part = || {
        let parts = ["_bucket", "_sum", "_count"];
        let name = parts.iter().find_map(|part| series.strip_suffix(part))?;
        metrics.get_key_value(name).filter(|(_, metric)| metric.kind == "histogram")
    };
    whole.or_else(part).map(|(name, metric)| (name.as_str(), metric))
}

/// The labels in the braces that follow a metric's name directly.
fn selected_labels(after: &str) -> Vec<&str> {
    let Some(selector) = after.strip_prefix('{') else { return vec![] };
    let mut labels = Vec::new();
    // Outside of quotes only; every second part is a value.
    for names in selector.split('"').step_by(2) {
        let (names, closed) = names.split_once('}').map_or((names, false), |(names, _)| (names, true));
        labels.extend(
            names.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|name| !name.is_empty()),
        );
        if closed {
            break;
        }
    }
    labels
}

#[test]
fn the_list_is_what_the_registry_has() {
    let known = metrics();
    let scrape = String::from_utf8(Metrics::new().unwrap().render()).unwrap();
    for line in scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert_eq!(known[name].kind, kind, "{name}");
    }
}

#[test]
fn an_expression_with_a_typing_error_is_found() {
    let fails = |text: &str| std::panic::catch_unwind(|| assert_known("here", text)).is_err();
    assert!(!fails(
        "sum by (le) (rate(fleetgate_request_seconds_bucket{host=~\"a|}b\",instance=\"x\"}[5m])) > 1"
    ));
    assert!(fails("fleetgate_request_total"));
    assert!(fails("fleetgate_requests_total_bucket"));
    assert!(fails("1 + fleetgate_requests_total{host=\"a\",code=\"200\"}"));
}
