//! A report for people.

use std::collections::BTreeSet;
use std::{fmt, iter};

use super::{Report, Row};

const HEAD: [&str; 8] = ["name", "value", "unit", "reference", "reference_value", "ratio", "target", "met"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "suite {}, {}\n{}\n", self.suite, self.method(), self.host)?;
        let cells = self.cells();
        let columns = cells.first().map_or(0, Vec::len);
        let widths: Vec<_> = (0..columns)
            .map(|column| {
                cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        for (number, row) in cells.iter().enumerate() {
            let line: Vec<_> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", line.join("  ").trim_end())?;
            if number == 0 {
                let rules: Vec<_> = widths.iter().map(|width| "─".repeat(*width)).collect();
                writeln!(f, "{}", rules.join("  "))?;
            }
        }
        Ok(())
    }
}

impl Report {
    /// The same table as Markdown, below a sentence on where it is from.
    pub fn markdown(&self) -> String {
        let mut lines = vec![format!("{}. {}", self.host.replace('\n', " "), self.method()), String::new()];
        for (number, row) in self.cells().iter().enumerate() {
            lines.push(format!("| {} |", row.join(" | ")));
            if number == 0 {
                lines.push(format!("|{}", "---|".repeat(row.len())));
            }
        }
        lines.join("\n") + "\n"
    }

    fn method(&self) -> String {
        let rounds = self.rows.first().map_or(0, |row| row.rounds);
        format!("medians [least–greatest] of {rounds} interleaved rounds")
    }

    /// All cells, those of the head first.
    fn cells(&self) -> Vec<Vec<String>> {
        let details: BTreeSet<_> = self.rows.iter().flat_map(|row| row.details.keys().copied()).collect();
        let head = HEAD.into_iter().chain(details.iter().copied()).map(str::to_owned).collect();
        let rows = self.rows.iter().map(|row| cells(row).into_iter().chain(more(row, &details)).collect());
        iter::once(head).chain(rows).collect()
    }
}

fn cells(row: &Row) -> [String; HEAD.len()] {
    let range =
        |median: f64, min: f64, max: f64| format!("{} [{}–{}]", short(median), short(min), short(max));
    let bound = if row.more_is_better { '≥' } else { '≤' };
    [
        row.name.clone(),
        range(row.value, row.min, row.max),
        row.unit.to_owned(),
        row.reference.to_owned(),
        range(row.reference_value, row.reference_min, row.reference_max),
        ratio(row),
        row.target.map_or_else(none, |target| format!("{bound} {target:.2}")),
        row.met.map_or_else(none, |met| if met { "yes" } else { "NO" }.to_owned()),
    ]
}

/// What only some rows have.
fn more(row: &Row, details: &BTreeSet<&str>) -> impl Iterator<Item = String> {
    details.iter().map(|column| row.details.get(column).map_or_else(none, |value| short(*value)))
}

fn none() -> String {
    "–".to_owned()
}

/// Where rounds hardly differ, as counts do, the ratio is good for another digit.
fn ratio(row: &Row) -> String {
    let digits = if row.rounds > 1 && row.ratio_max - row.ratio_min < 0.005 { 3 } else { 2 };
    let Row { ratio, ratio_min, ratio_max, .. } = row;
    format!("{ratio:.digits$} [{ratio_min:.digits$}–{ratio_max:.digits$}]")
}

/// Three digits are more than the measurement is good for.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
