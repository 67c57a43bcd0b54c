//! A report for people.

use std::fmt;

use super::{Report, Row};

const HEAD: [&str; 8] = ["name", "value", "unit", "reference", "reference_value", "ratio", "target", "met"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.rows.first().map_or(0, |row| row.rounds);
        writeln!(
            f,
            "suite {}, medians [least–greatest] of {rounds} interleaved rounds\n{}\n",
            self.suite, self.host
        )?;
        let cells: Vec<_> =
            std::iter::once(HEAD.map(str::to_owned)).chain(self.rows.iter().map(cells)).collect();
        let widths = cells.iter().fold([0; HEAD.len()], |widths: [usize; HEAD.len()], cells| {
            let mut wider = widths.iter().zip(cells).map(|(width, cell)| (*width).max(cell.chars().count()));
            widths.map(|width| wider.next().unwrap_or(width))
        });
        for (number, row) in cells.iter().enumerate() {
            let line: Vec<_> =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", line.join("  ").trim_end())?;
            if number == 0 {
                writeln!(f, "{}", widths.map(|width| "─".repeat(width)).join("  "))?;
            }
        }
        Ok(())
    }
}

fn cells(row: &Row) -> [String; HEAD.len()] {
    let range =
        |median: f64, min: f64, max: f64| format!("{} [{}–{}]", short(median), short(min), short(max));
    let none = || "–".to_owned();
    [
        row.name.clone(),
        range(row.value, row.min, row.max),
        row.unit.to_owned(),
        row.reference.to_owned(),
        range(row.reference_value, row.reference_min, row.reference_max),
        ratio(row),
        row.target.map_or_else(none, |target| format!("≤ {target:.2}")),
        row.met.map_or_else(none, |met| if met { "yes" } else { "NO" }.to_owned()),
    ]
}

/// Where rounds hardly differ, as counts do, the ratio is good for another digit.
fn ratio(row: &Row) -> String {
    let digits = if row.rounds > 1 && row.ratio_max - row.ratio_min < 0.005 { 3 } else { 2 };
    let Row { ratio, ratio_min, ratio_max, .. } = row;
    format!("{ratio:.digits$} [{ratio_min:.digits$}–{ratio_max:.digits$}]")
}

/// Three digits are more than the measurement is good for.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
