//! The page of a run: HTML with its pictures in it, and nothing that comes from anywhere else.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use super::record::Phase;
use super::results::{Results, cells, row};
use crate::measure::{Chart, Escaped, Line, Scale};
use crate::sim::Tally;

/// Verdicts that are drawn; those of most packets.
const VERDICTS: usize = 8;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222}\
    table{border-collapse:collapse;margin:1rem 0}td,th{border-bottom:1px solid #ddd;padding:.25rem .8rem .25rem 0;text-align:left}\
    .no{color:#b00020;font-weight:bold}.small{color:#666;font-size:.85rem}svg{max-width:100%;height:auto}";

pub(super) fn page(results: &Results) -> String {
    let Results { name, about, host, devices, quick, .. } = results;
    let title = Escaped(format!("Fleetgate: {name}"));
    let kind = if *quick { " A quick run: its times are not judged." } else { "" };
    let mut body = format!(
        "<h1>{title}</h1>\n<p>{}{kind}</p>\n<p class=\"small\">{devices} devices. {}</p>\n",
        Escaped(about),
        Escaped(host)
    );
    body.push_str(&table(
        "What was expected",
        ["expected", "came to", "at most", "met"],
        results.checks.iter().map(cells),
    ));
    for chart in charts(results) {
        body.push_str(&chart.draw());
    }
    let head = ["phase", "seconds", "handshakes", "requests", "p50", "p99"];
    body.push_str(&table("Phases", head, results.record.phases.iter().map(row)));
    let all = results.record.sum(|_| true, |_| true);
    body.push_str(&table(
        "Devices that should be refused",
        ["what is wrong", "how it ended", "times"],
        refused(&all),
    ));
    body.push_str(&table("What went wrong for the others", ["what", "times"], wrong(&all)));
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style>\n<body>\n{body}</body></html>\n"
    )
}

fn charts(results: &Results) -> [Chart<'_>; 5] {
    let record = &results.record;
    let marks = || record.phases.iter().skip(1).map(|phase: &Phase| (phase.from, &*phase.name)).collect();
    let over_time = |title, lines| Chart { title, x: "s", scale: Scale::Linear, lines, marks: marks() };
    let ticks = |label: &str, value: &dyn Fn(&super::record::Tick) -> Option<f64>| Line {
        label: label.to_owned(),
        points: record.ticks.iter().filter_map(|tick| Some((tick.at, value(tick)?))).collect(),
    };
    let memory = record.samples.iter().filter_map(|sample| Some((sample.at, sample.memory? / 1024.0)));
    let memory = Line { label: "gateway, user space".to_owned(), points: memory.collect() };
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let up = |tick: &super::record::Tick| Some(tick.up as f64);
    [
        Chart {
            title: "Latency of answers: the share that is no longer than that",
            x: "ms",
            scale: Scale::Logarithmic,
            lines: record.phases.iter().filter_map(distribution).collect(),
            marks: Vec::new(),
        },
        over_time("Devices up", vec![ticks("up", &up)]),
        over_time(
            "Handshakes and requests a second",
            vec![
                ticks("handshakes", &|tick| Some(tick.handshakes)),
                ticks("requests", &|tick| Some(tick.requests)),
            ],
        ),
        over_time("Memory of the gateway, MiB", vec![memory]),
        over_time("Packets a second, by XDP verdict", verdicts(results)),
    ]
}

/// Latencies in a phase, where there were any.
fn distribution(phase: &Phase) -> Option<Line> {
    let mut sum = Tally::default();
    phase.fleets.iter().for_each(|tally| sum.add(tally));
    let points = sum.requests.distribution();
    (!points.is_empty()).then(|| Line { label: phase.name.clone(), points })
}

/// Packets of a verdict: in all, and a second.
#[derive(Default)]
struct Packets {
    total: u64,
    rate: Vec<(f64, f64)>,
}

/// Rates of the most frequent verdicts. A gateway that was started again begins at zero.
fn verdicts(results: &Results) -> Vec<Line> {
    let samples = &results.record.samples;
    let mut all: BTreeMap<&str, Packets> = BTreeMap::new();
    for (before, after) in samples.iter().zip(samples.iter().skip(1)) {
        for (verdict, count) in &after.verdicts {
            let earlier = before.verdicts.get(verdict).copied().unwrap_or(0);
            let more = count.checked_sub(earlier).unwrap_or(*count);
            let packets = all.entry(verdict).or_default();
            packets.total += more;
            #[expect(clippy::cast_precision_loss, reason = "for a picture")]
            packets.rate.push((after.at, more as f64 / (after.at - before.at)));
        }
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, packets)| std::cmp::Reverse(packets.total));
    let lines = all.into_iter().take(VERDICTS);
    lines.map(|(verdict, packets)| Line { label: verdict.to_owned(), points: packets.rate }).collect()
}

fn refused(all: &Tally) -> impl Iterator<Item = [String; 3]> {
    let turned_away = all.turned_away.iter().flat_map(|(bad, reasons)| {
        reasons.iter().map(|(reason, count)| [bad.label().to_owned(), reason.clone(), count.to_string()])
    });
    let admitted = all
        .admitted
        .iter()
        .map(|(bad, count)| [bad.label().to_owned(), "ADMITTED".to_owned(), count.to_string()]);
    turned_away.chain(admitted)
}

fn wrong(all: &Tally) -> impl Iterator<Item = [String; 2]> {
    let rows: Vec<_> = all.errors().into_iter().map(|(reason, count)| [reason, count.to_string()]).collect();
    rows.into_iter()
}

/// A table with a heading; nothing when it has no rows.
fn table<const N: usize>(heading: &str, head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let cells = |tag: &str, cells: &[&dyn Display]| {
        let mut line = String::from("<tr>");
        for cell in cells {
            let cell = cell.to_string();
            let class = if cell == "NO" || cell == "ADMITTED" { " class=\"no\"" } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(line, "<{tag}{class}>{}</{tag}>", Escaped(cell));
        }
        line + "</tr>\n"
    };
    let rows: String =
        rows.map(|row| cells("td", &row.each_ref().map(|cell| cell as &dyn Display))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = cells("th", &head.each_ref().map(|cell| cell as &dyn Display));
    format!("<h2>{heading}</h2>\n<table>\n{head}{rows}</table>\n")
}
