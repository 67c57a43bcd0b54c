//! What a suite has found: rows, as JSON and as a table.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{NotInterleaved, Series};

/// What a suite has found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The suite's name.
    pub suite: &'static str,
    /// The machine, and what was compared.
    pub host: String,
    /// A row a comparison.
    pub rows: Vec<Row>,
}

/// One thing measured, beside a reference.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The median over all rounds.
    pub value: f64,
    /// Of both values.
    pub unit: &'static str,
    /// Beside what.
    pub reference: &'static str,
    /// Its median.
    pub reference_value: f64,
    /// Value over reference value.
    pub ratio: f64,
    /// The ratio to reach, where there is one.
    pub target: Option<f64>,
    /// Whether it was reached.
    pub met: Option<bool>,
    /// The least value of a round.
    pub min: f64,
    /// The greatest value of a round.
    pub max: f64,
    /// The reference's least value of a round.
    pub reference_min: f64,
    /// The reference's greatest value of a round.
    pub reference_max: f64,
    /// The least ratio within a round.
    pub ratio_min: f64,
    /// The greatest ratio within a round.
    pub ratio_max: f64,
    /// How many rounds.
    pub rounds: usize,
    /// Whether the ratio is to be at least the target, not at most.
    pub more_is_better: bool,
    /// What else there is to say of it: medians by column.
    #[serde(flatten)]
    pub details: BTreeMap<&'static str, f64>,
}

impl Row {
    /// The same, where more is better, with the least ratio to reach.
    #[must_use]
    pub fn at_least(self, target: Option<f64>) -> Self {
        let met = target.map(|target| self.ratio >= target);
        Self { target, met, more_is_better: true, ..self }
    }

    /// The same, with the median of what else was measured.
    #[must_use]
    pub fn with(mut self, column: &'static str, values: &Series) -> Self {
        self.details.extend(values.spread().map(|spread| (column, spread.median)));
        self
    }
}

/// What is to become a row.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// What was measured.
    pub name: String,
    /// Of all values.
    pub unit: &'static str,
    /// Our values.
    pub ours: &'a Series,
    /// Beside what.
    pub reference: &'static str,
    /// Its values.
    pub theirs: &'a Series,
    /// The ratio to reach, where there is one.
    pub target: Option<f64>,
}

impl Comparison<'_> {
    /// The row.
    ///
    /// # Errors
    /// When the two were not measured in turns.
    pub fn row(self) -> Result<Row, NotInterleaved> {
        let ratio = self.ours.ratio(self.theirs)?;
        let (ours, theirs) =
            (self.ours.spread().ok_or(NotInterleaved)?, self.theirs.spread().ok_or(NotInterleaved)?);
        Ok(Row {
            name: self.name,
            value: ours.median,
            unit: self.unit,
            reference: self.reference,
            reference_value: theirs.median,
            ratio: ratio.of_medians,
            target: self.target,
            met: self.target.map(|target| ratio.of_medians <= target),
            min: ours.min,
            max: ours.max,
            reference_min: theirs.min,
            reference_max: theirs.max,
            ratio_min: ratio.by_round.min,
            ratio_max: ratio.by_round.max,
            rounds: self.ours.len(),
            more_is_better: false,
            details: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Run;
    use super::*;

    fn row(ours: f64, target: Option<f64>) -> Row {
        let (run, mut a, mut b) = (Run::begin(), Series::default(), Series::default());
        for round in run.rounds(1) {
            round.record(&mut a, ours);
            round.record(&mut b, 4.0);
        }
        let name = "a thing".to_owned();
        Comparison { name, unit: "CPU µs", ours: &a, reference: "nginx", theirs: &b, target }.row().unwrap()
    }

    #[test]
    fn a_report_has_the_agreed_keys() {
        let report = Report {
            suite: "proxy",
            host: "here".to_owned(),
            rows: vec![row(1.0, Some(0.5)), row(1.0, None)],
        };
        let json = serde_json::to_value(report).unwrap();
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["host", "rows", "suite"]);
        let agreed = json!({
            "name": "a thing", "value": 1.0, "unit": "CPU µs", "reference": "nginx", "reference_value": 4.0,
            "ratio": 0.25, "target": 0.5, "met": true,
        });
        for (key, value) in agreed.as_object().unwrap() {
            assert_eq!(&json["rows"][0][key], value, "{key}");
        }
        for key in ["target", "met"] {
            assert!(json["rows"][1].as_object().unwrap()[key].is_null(), "{key}");
        }
    }

    #[test]
    fn a_target_is_met_up_to_and_with_its_own_value() {
        assert_eq!(row(2.0, Some(0.5)).met, Some(true));
        assert_eq!(row(2.1, Some(0.5)).met, Some(false));
    }

    #[test]
    fn where_more_is_better_the_target_is_the_least() {
        assert_eq!(row(3.6, None).at_least(Some(0.9)).met, Some(true));
        assert_eq!(row(3.5, None).at_least(Some(0.9)).met, Some(false));
        assert_eq!(row(3.5, None).at_least(None).met, None);
    }

    #[test]
    fn what_else_there_is_to_say_is_in_the_row_and_the_table() {
        let (run, mut series) = (Run::begin(), Series::default());
        run.rounds(1).for_each(|round| round.record(&mut series, 7.25));
        let rows = vec![row(3.6, None).at_least(Some(0.9)).with("packets", &series), row(1.0, Some(0.5))];
        let report = Report { suite: "survival", host: "here".to_owned(), rows };
        assert_eq!(serde_json::to_value(&report).unwrap()["rows"][0]["packets"], 7.25);
        let table = report.to_string();
        let cells = |line: usize| {
            table
                .lines()
                .nth(line)
                .unwrap()
                .split("  ")
                .map(str::trim)
                .filter(|c| !c.is_empty())
                .collect::<Vec<_>>()
        };
        assert_eq!(cells(3).last(), Some(&"packets"), "{table}");
        assert_eq!(cells(5)[cells(5).len() - 3..], ["≥ 0.90", "yes", "7.25"], "{table}");
        assert_eq!(cells(6)[cells(6).len() - 3..], ["≤ 0.50", "yes", "–"], "{table}");
    }
}
