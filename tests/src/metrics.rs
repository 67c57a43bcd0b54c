//! `/metrics`, as numbers.

use std::collections::BTreeMap;

/// What one scrape said, each value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics(BTreeMap<Series, String>);

/// A name and its labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The name.
    pub name: String,
    /// Labels and their values, sorted.
    pub labels: Vec<(String, String)>,
}

impl Metrics {
    /// Parses Prometheus' text format.
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(parse).collect())
    }

    /// The value of the series with exactly this name and these labels; 0 when there is none, as for a counter that
    /// has not moved.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let mut labels: Vec<_> =
            labels.iter().map(|(label, value)| ((*label).into(), (*value).into())).collect();
        labels.sort();
        self.0.get(&Series { name: name.into(), labels }).map_or(0, |value| integer(value))
    }

    /// The sum over all series of this name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let has = |series: &Series, (label, value): &(&str, &str)| {
            series.labels.iter().any(|(other, found)| other == label && found == value)
        };
        let matching =
            self.0.iter().filter(|(series, _)| series.name == name && labels.iter().all(|l| has(series, l)));
        matching.map(|(_, value)| integer(value)).sum()
    }

    /// Every series.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.0.keys()
    }
}

fn integer(value: &str) -> u64 {
    value.parse().unwrap_or_else(|_| panic!("{value} is not a count"))
}

fn parse(line: &str) -> (Series, String) {
    let (series, value) = line.rsplit_once(' ').expect("a name and a value");
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let mut labels: Vec<_> = labels.trim_end_matches('}').split_terminator("\",").map(label).collect();
    labels.sort();
    (Series { name: name.to_owned(), labels }, value.to_owned())
}

fn label(text: &str) -> (String, String) {
    let (label, value) = text.split_once("=\"").expect("a label and its value");
    (label.to_owned(), value.trim_end_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_read() {
        let metrics =
            Metrics::parse("# HELP a b\n# TYPE a counter\na{x=\"1\",b=\"t, u\"} 3\na{x=\"2\"} 4\nc 0.5\n");
        assert_eq!(metrics.get("a", &[("b", "t, u"), ("x", "1")]), 3);
        assert_eq!(metrics.sum("a", &[]), 7);
        assert_eq!(metrics.get("d", &[]), 0);
        assert_eq!(metrics.series().count(), 3);
    }
}
