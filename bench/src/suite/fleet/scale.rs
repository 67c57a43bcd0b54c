//! What one more device takes: the same fleet in several sizes, and lines through what was measured.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::fit;
use super::results::{self, Results};
use super::scenario::Scenario;
use super::{FleetError, Options, run};
use crate::measure::short;
use crate::suite::Event;

/// Connections, over HTTP.
const HTTP: [usize; 4] = [1_000, 5_000, 9_000, 18_000];
/// Byte streams take two descriptors each, and 20,000 are a common limit of a process.
const STREAMS: [usize; 3] = [1_000, 5_000, 9_000];
/// The same when it is only to be seen that it works.
const QUICK: [usize; 2] = [200, 400];
/// How many devices come a second.
const ARRIVALS: usize = 300;
/// What the arithmetic is made for.
const CORES: f64 = 16.0;
const GIB: f64 = 64.0;
/// The part of a box that is planned with.
const SHARE: f64 = 0.7;

/// What devices speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Http,
    Streams,
}

/// A fleet of some size.
#[derive(Clone, Copy, Debug)]
struct Point {
    way: Way,
    devices: usize,
    /// MiB of the gateway in user space, and of the whole kernel's objects: sockets of both ends are in it.
    memory: f64,
    kernel: f64,
    /// CPU microseconds of the gateway for a device that comes, and for a report of one that is there.
    arrival: f64,
    report: f64,
}

/// What it came to.
pub struct Scale {
    host: String,
    points: Vec<Point>,
}

/// Measures fleets of all sizes, one after the other, on loopback.
///
/// # Errors
/// When one of them could not be measured.
pub async fn scale(gateway: &Path, quick: bool, tell: &dyn Fn(Event<'_>)) -> Result<Scale, FleetError> {
    let mut points = Vec::new();
    for way in [Way::Http, Way::Streams] {
        let sizes: &[usize] = match way {
            _ if quick => &QUICK,
            Way::Http => &HTTP,
            Way::Streams => &STREAMS,
        };
        for devices in sizes {
            tell(Event::Stage(&format!("{devices} devices, {}", way.label())));
            points.push(point(gateway.to_owned(), way, *devices, quick, tell).await?);
        }
    }
    Ok(Scale { host: results::describe(gateway), points })
}

async fn point(
    gateway: PathBuf,
    way: Way,
    devices: usize,
    quick: bool,
    tell: &dyn Fn(Event<'_>),
) -> Result<Point, FleetError> {
    let scenario = scenario(way, devices, quick)?;
    let options = Options { gateway, name: "scale".to_owned(), scenario, quick };
    let played = run(&options, tell).await?;
    measured(&played, way, devices).ok_or_else(|| FleetError::Unknown("a sample of the gateway".to_owned()))
}

/// Devices that hold a connection and report every twenty seconds; in a quick run every two, or there would be no report in it.
fn scenario(way: Way, devices: usize, quick: bool) -> Result<Scenario, FleetError> {
    let protocol = match way {
        Way::Http => "http",
        Way::Streams => "mqtt",
    };
    let arrive = devices.div_ceil(ARRIVALS);
    let (run, every) = if quick { (4, 2) } else { (60, 20) };
    let text = format!(
        "about = \"One of several sizes.\"\ndevices = {devices}\narrive = \"{arrive}s\"\nrun = \"{run}s\"\n\
         quick = {{ devices = 1, times = 1.0 }}\n[[fleet]]\nname = \"sensors\"\nshare = 1.0\nhost = \"iot.example.com\"\n\
         protocol = \"{protocol}\"\nca = \"Fleet\"\nevery = \"{every}s\"\nsources = 16\n[expect]\nrefusals = 0\nfailures = 0\n"
    );
    Ok(Scenario::parse(Path::new("scale"), &text)?)
}

fn measured(played: &Results, way: Way, devices: usize) -> Option<Point> {
    let record = &played.record;
    let [arrival, steady, ..] = &*record.phases else { return None };
    let (first, last) = (record.samples.first()?, record.samples.last()?);
    let there = record.samples.iter().find(|sample| sample.at >= steady.from)?;
    let cpu =
        |from: Option<Duration>, to: Option<Duration>| Some(to?.checked_sub(from?)?.as_secs_f64() * 1e6);
    let count = |tally: Option<&crate::sim::Tally>| tally.map(|tally| tally.requests.count());
    let (arrived, reported) = (count(arrival.fleets.first())?, count(steady.fleets.first())?);
    if reported == 0 {
        return None;
    }
    // Who comes early has reported again before the last has come.
    let report = cpu(there.cpu, last.cpu)? / precise(reported);
    let again = precise(arrived.saturating_sub(devices as u64)) * report;
    Some(Point {
        way,
        devices,
        memory: last.memory? / 1024.0,
        kernel: (last.kernel? - first.kernel?) / 1024.0,
        arrival: (cpu(Some(Duration::ZERO), there.cpu)? - again) / precise(devices as u64),
        report,
    })
}

impl Way {
    fn label(self) -> &'static str {
        match self {
            Self::Http => "HTTP/1.1",
            Self::Streams => "byte streams (MQTT)",
        }
    }
}

impl Scale {
    /// For scripts.
    pub fn json(&self) -> Value {
        let points = self.points.iter().map(|point| {
            json!({
                "way": point.way.label(), "devices": point.devices, "memory_mib": point.memory,
                "kernel_mib": point.kernel, "arrival_us": point.arrival, "report_us": point.report,
            })
        });
        json!({ "suite": "scale", "host": self.host, "points": points.collect::<Vec<_>>() })
    }

    /// For a page: what was measured, the lines through it, and what they come to on a larger box.
    pub fn markdown(&self) -> String {
        let mut lines = vec![
            format!("{}.", self.host),
            String::new(),
            "| devices | user space, MiB | kernel, both ends, MiB | CPU µs a device that comes | CPU µs a report |".to_owned(),
            "|---|---|---|---|---|".to_owned(),
        ];
        lines.extend(self.points.iter().map(|point| {
            let Point { way, devices, memory, kernel, arrival, report } = point;
            let figures = [*memory, *kernel, *arrival, *report].map(short).join(" | ");
            format!("| {devices}, {} | {figures} |", way.label())
        }));
        lines.push(String::new());
        for way in [Way::Http, Way::Streams] {
            lines.extend(self.arithmetic(way));
        }
        lines.join("\n") + "\n"
    }

    /// Lines through the points of a way, and what they come to.
    fn arithmetic(&self, way: Way) -> Vec<String> {
        let of_way: Vec<_> = self.points.iter().filter(|point| point.way == way).collect();
        let line = |value: fn(&Point) -> f64| {
            fit::line(
                &of_way.iter().map(|point| (precise(point.devices as u64), value(point))).collect::<Vec<_>>(),
            )
        };
        let (Some(memory), Some(kernel)) = (line(|point| point.memory), line(|point| point.kernel)) else {
            return Vec::new();
        };
        let last = of_way.last().map_or((0.0, 0.0), |point| (point.arrival, point.report));
        let user = memory.slope * 1024.0;
        let both = user + kernel.slope * 1024.0;
        let (arrival, report) = last;
        let carried = SHARE * GIB * 1024.0 * 1024.0 / both;
        let comes = SHARE * CORES * 1e6 / arrival;
        let reports = SHARE * CORES * 1e6 / report;
        vec![
            format!("**{}**", way.label()),
            String::new(),
            format!(
                "- memory = {} MiB + devices × {} KiB in user space, and {} KiB in the kernel (of both ends, so too much): {} KiB",
                short(memory.base),
                short(user),
                short(kernel.slope * 1024.0),
                short(both)
            ),
            format!("- {GIB} GiB × {SHARE} ÷ {} KiB = {} devices", short(both), thousands(carried)),
            format!(
                "- {CORES} cores × {SHARE} ÷ {} µs = {} devices that come a second; all of those above: {} s",
                short(arrival),
                thousands(comes),
                short(carried / comes)
            ),
            format!(
                "- {CORES} cores × {SHARE} ÷ {} µs = {} reports a second: one of each device above every {} s",
                short(report),
                thousands(reports),
                short(carried / reports)
            ),
            String::new(),
        ]
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.markdown())
    }
}

/// More than the measurement is good for is not written.
fn thousands(value: f64) -> String {
    if value >= 10_000.0 { format!("{:.0} thousand", value / 1000.0) } else { short(value) }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn precise(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_takes_is_the_slope_and_not_the_mean() {
        let point = |devices: usize| Point {
            way: Way::Http,
            devices,
            memory: 100.0 + precise(devices as u64) * 20.0 / 1024.0,
            kernel: precise(devices as u64) * 12.0 / 1024.0,
            arrival: 200.0,
            report: 50.0,
        };
        let scale = Scale { host: "here".to_owned(), points: vec![point(1_000), point(5_000)] };
        let text = scale.markdown();
        assert!(text.contains("memory = 100 MiB + devices × 20.0 KiB in user space, and 12.0 KiB"), "{text}");
        assert!(text.contains("64 GiB × 0.7 ÷ 32.0 KiB = 1468 thousand devices"), "{text}");
        assert!(text.contains("÷ 200 µs = 56 thousand devices that come a second"), "{text}");
        assert!(!text.contains("byte streams"), "{text}");
    }

    #[test]
    fn its_scenarios_are_scenarios() {
        for way in [Way::Http, Way::Streams] {
            assert_eq!(scenario(way, 18_000, false).unwrap().devices.get(), 18_000);
        }
    }
}
