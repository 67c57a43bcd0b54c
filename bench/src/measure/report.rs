//! What a suite has found: rows, as JSON and as a table.

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
}
