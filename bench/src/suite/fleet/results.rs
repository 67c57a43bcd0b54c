//! What a run came to: for people, for scripts, and as a page.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::page;
use super::record::{Phase, Record};
use super::{Check, Options};
use crate::latency::Latency;
use crate::measure::short;
use crate::sim::{Summary, Tally};
use crate::{machine, server};

/// What a run came to.
pub struct Results {
    pub(super) name: String,
    pub(super) about: String,
    /// What it was played on, and with what.
    pub(super) host: String,
    pub(super) devices: usize,
    pub(super) quick: bool,
    pub(super) crypto: Duration,
    pub(super) fleets: Vec<String>,
    pub(super) record: Record,
    pub(super) checks: Vec<Check>,
}

pub(super) fn results(
    options: &Options,
    record: Record,
    crypto: Duration,
    host: String,
    checks: Vec<Check>,
) -> Results {
    let Options { name, scenario, quick, .. } = options;
    Results {
        name: name.clone(),
        about: scenario.about.clone(),
        host,
        devices: scenario.devices.get(),
        quick: *quick,
        crypto,
        fleets: scenario.fleet.iter().map(|fleet| fleet.name.clone()).collect(),
        record,
        checks,
    }
}

/// What it is played on, and with what.
pub(super) fn describe(gateway: &Path) -> String {
    let version = server::version(gateway, &["--version"]).unwrap_or_else(|| "unknown version".to_owned());
    format!("{}; fleetgate {version}; fleetsim {}", machine::describe(), env!("CARGO_PKG_VERSION"))
}

impl Results {
    /// What was expected and did not come.
    pub fn unmet(&self) -> Vec<&Check> {
        self.checks.iter().filter(|check| check.met == Some(false)).collect()
    }

    /// For scripts.
    pub fn json(&self) -> Value {
        let Record { ticks, samples, returns, .. } = &self.record;
        json!({
            "suite": "fleet",
            "scenario": self.name,
            "about": self.about,
            "host": self.host,
            "devices": self.devices,
            "quick": self.quick,
            "crypto_us": self.crypto.as_secs_f64() * 1e6,
            "met": self.unmet().is_empty(),
            "checks": self.checks,
            "phases": self.record.phases.iter().map(|phase| self.phase(phase)).collect::<Vec<_>>(),
            "returns": returns.iter().map(|back| json!({
                "after": back.event,
                "devices": back.devices,
                "seconds": back.took.map(|took| took.as_secs_f64()),
            })).collect::<Vec<_>>(),
            "ticks": ticks.iter().map(|tick| json!({
                "at": tick.at, "up": tick.up, "handshakes": tick.handshakes, "requests": tick.requests,
                "p50_ms": tick.p50, "p99_ms": tick.p99, "errors": tick.errors,
            })).collect::<Vec<_>>(),
            "samples": samples.iter().map(|sample| json!({
                "at": sample.at, "memory_kib": sample.memory, "descriptors": sample.descriptors,
                "cpu_s": sample.cpu.map(|cpu| cpu.as_secs_f64()), "xdp": sample.verdicts,
            })).collect::<Vec<_>>(),
        })
    }

    /// One page, readable without a network.
    pub fn page(&self) -> String {
        page::page(self)
    }

    /// For a page of the documentation: what was expected, and how devices fared.
    pub fn markdown(&self) -> String {
        let mut lines = vec![
            format!("Scenario `{}`: {} {} devices; {}.", self.name, self.about, self.devices, self.host),
            String::new(),
            "| expected | came to | at most | met |".to_owned(),
            "|---|---|---|---|".to_owned(),
        ];
        lines.extend(self.checks.iter().map(|check| format!("| {} |", cells(check).join(" | "))));
        lines.extend([
            String::new(),
            "| phase | seconds | handshakes | requests | p50 | p99 |".to_owned(),
            "|---|---|---|---|---|---|".to_owned(),
        ]);
        for phase in &self.record.phases {
            lines.push(format!("| {} |", row(phase).join(" | ")));
        }
        lines.join("\n") + "\n"
    }

    fn phase(&self, phase: &Phase) -> Value {
        let fleets = self.fleets.iter().zip(&phase.fleets);
        json!({
            "name": phase.name,
            "from": phase.from,
            "to": phase.to,
            "fleets": fleets.map(|(name, tally)| fleet(name, tally)).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "scenario {}: {}\n{}\n", self.name, self.about, self.host)?;
        let head = ["phase", "seconds", "handshakes", "requests", "p50", "p99"].map(str::to_owned);
        write_table(f, &head, self.record.phases.iter().map(row))?;
        let turned_away = self.record.sum(|_| true, |_| true).turned_away;
        for (bad, reasons) in &turned_away {
            let reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            writeln!(f, "turned away, {}: {}", bad.label(), reasons.join(", "))?;
        }
        for (reason, count) in self.record.sum(|_| true, |_| true).errors() {
            writeln!(f, "good devices: {count} {reason}")?;
        }
        writeln!(f)?;
        let head = ["expected", "came to", "at most", "met"].map(str::to_owned);
        write_table(f, &head, self.checks.iter().map(cells))
    }
}

fn fleet(name: &str, tally: &Tally) -> Value {
    let latency = |latency: &Latency| json!({ "count": latency.count(), "p50_ms": latency.millis(0.5), "p99_ms": latency.millis(0.99) });
    let of_bad: BTreeMap<_, _> =
        tally.turned_away.iter().map(|(bad, reasons)| (bad.label(), reasons)).collect();
    let admitted: BTreeMap<_, _> = tally.admitted.iter().map(|(bad, count)| (bad.label(), count)).collect();
    json!({
        "fleet": name,
        "handshakes": latency(&tally.handshakes),
        "requests": latency(&tally.requests),
        "revoked": latency(&tally.revoked),
        "refusals": tally.refusals,
        "failures": tally.failures,
        "closed": tally.closed,
        "turned_away": of_bad,
        "admitted": admitted,
    })
}

/// A phase, for people.
pub(super) fn row(phase: &Phase) -> [String; 6] {
    let mut sum = Tally::default();
    phase.fleets.iter().for_each(|tally| sum.add(tally));
    let time = Duration::from_secs_f64((phase.to - phase.from).max(0.0));
    let rate = |count| format!("{count} ({}/s)", short(Summary::rate(count, time)));
    let millis =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{} ms", short(value)));
    [
        phase.name.clone(),
        short(time.as_secs_f64()),
        rate(sum.handshakes.count()),
        rate(sum.requests.count()),
        millis(sum.requests.millis(0.5)),
        millis(sum.requests.millis(0.99)),
    ]
}

/// A check, for people.
pub(super) fn cells(check: &Check) -> [String; 4] {
    let figure = |value: f64| {
        let figure = if check.unit.is_empty() { format!("{value:.0}") } else { short(value) };
        format!("{figure} {}", check.unit).trim_end().to_owned()
    };
    let met = match check.met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "not judged",
    };
    let value = check.value.map_or_else(|| "–".to_owned(), figure);
    [check.what.clone(), value, figure(check.bound), met.to_owned()]
}

fn write_table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    head: &[String; N],
    rows: impl Iterator<Item = [String; N]>,
) -> fmt::Result {
    let rows: Vec<_> = std::iter::once(head.clone()).chain(rows).collect();
    let widths: Vec<_> = (0..N)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max())
        .collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let width = width.unwrap_or_default();
            format!("{cell:<width$}")
        });
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    writeln!(f)
}
