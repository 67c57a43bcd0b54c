//! A report as a picture: bars, in SVG.

use std::fmt::Write as _;

use super::Report;
use super::svg::{OURS, STYLE, text};
use super::table::short;

const WIDTH: f64 = 860.0;
/// Where bars begin; their labels are left of it.
const LEFT: f64 = 190.0;
/// How long the longest is; its value is right of it.
const LONGEST: f64 = 460.0;
const BAR: f64 = 16.0;
const STEP: f64 = 22.0;
const HEAD: f64 = 30.0;
const LINE: f64 = 15.0;
const OTHERS: &str = "#b4bcc6";

/// A bar: a median, and how far rounds lie apart.
pub(crate) struct Bar<'a> {
    pub(crate) label: &'a str,
    pub(crate) is_ours: bool,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// What was measured at several servers.
pub(crate) struct Group<'a> {
    pub(crate) name: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) bars: Vec<Bar<'a>>,
    /// Where the scale ends at the earliest.
    pub(crate) scale: f64,
}

/// A report as SVG: a group of bars for whatever was measured, a bar for the gateway and one for each reference. Each group has
/// a scale of its own, from 0.
pub fn plot(report: &Report) -> String {
    let title = format!("suite {}: less is better", report.suite);
    draw_all(&title, &report.host, &groups(report))
}

/// Groups of bars as SVG, below a title and lines of what they are.
pub(crate) fn draw_all(title: &str, lines: &str, groups: &[Group<'_>]) -> String {
    let height = |group: &Group<'_>| HEAD + STEP * count(group.bars.len());
    let mut top = 32.0 + LINE * count(lines.lines().count());
    let total = top + 10.0 + groups.iter().map(height).sum::<f64>();
    let mut body = text(10.0, 20.0, "head", title);
    for (number, line) in lines.lines().enumerate() {
        body.push_str(&text(10.0, 38.0 + LINE * count(number), "small", line));
    }
    for group in groups {
        draw(&mut body, group, top);
        top += height(group);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {total}\" width=\"{WIDTH}\" height=\"{total}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n",
    )
}

/// Rows of the same thing are next to each other; each repeats the gateway's value.
fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in &report.rows {
        if groups.last().is_none_or(|group| group.name != row.name) {
            let ours =
                Bar { label: "fleetgate", is_ours: true, median: row.value, min: row.min, max: row.max };
            groups.push(Group {
                name: &row.name,
                unit: row.unit,
                bars: vec![ours],
                scale: f64::MIN_POSITIVE,
            });
        }
        let theirs = Bar {
            label: row.reference,
            is_ours: false,
            median: row.reference_value,
            min: row.reference_min,
            max: row.reference_max,
        };
        if let Some(group) = groups.last_mut() {
            group.bars.push(theirs);
        }
    }
    groups
}

fn draw(svg: &mut String, group: &Group<'_>, top: f64) {
    let longest = group.bars.iter().map(|bar| bar.max).fold(group.scale, f64::max);
    let x = |value: f64| LEFT + LONGEST * (value / longest).clamp(0.0, 1.0);
    svg.push_str(&text(10.0, top + 18.0, "head", format_args!("{}, {}", group.name, group.unit)));
    for (number, bar) in group.bars.iter().enumerate() {
        let y = top + HEAD + STEP * count(number);
        let (end, middle) = (x(bar.median), y + BAR / 2.0);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{}\"/>\n\
             <path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"#444\"/>",
            end - LEFT,
            if bar.is_ours { OURS } else { OTHERS },
            x(bar.min),
            x(bar.max),
        );
        svg.push_str(&text(20.0, y + 13.0, "", bar.label));
        svg.push_str(&text(x(bar.max).max(end) + 6.0, y + 13.0, "", short(bar.median)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn count(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::super::{Comparison, Run, Series};
    use super::*;

    #[test]
    fn there_is_a_bar_for_the_gateway_and_one_for_each_reference() {
        let (run, mut ours, mut theirs) = (Run::begin(), Series::default(), Series::default());
        for round in run.rounds(1) {
            round.record(&mut ours, 2.0);
            round.record(&mut theirs, 4.0);
        }
        let row = |reference| {
            let name = "a < b".to_owned();
            Comparison { name, unit: "CPU µs", ours: &ours, reference, theirs: &theirs, target: None }
                .row()
                .unwrap()
        };
        let report =
            Report { suite: "proxy", host: "R & D".to_owned(), rows: vec![row("nginx"), row("caddy")] };
        let svg = plot(&report);
        assert_eq!(svg.matches("<rect x=").count(), 3, "{svg}");
        assert_eq!(svg.matches(&format!("width=\"{LONGEST:.1}\"")).count(), 2, "{svg}");
        assert_eq!(svg.matches(&format!("width=\"{:.1}\"", LONGEST / 2.0)).count(), 1, "{svg}");
        assert!(svg.contains("a &lt; b, CPU µs") && svg.contains("R &amp; D"), "{svg}");
    }
}
