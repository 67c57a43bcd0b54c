//! What was expected, and what came of it.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use serde::Serialize;

use super::fit;
use super::record::{Record, Return};
use super::scenario::{Expect, Scenario};

/// The part of a run that memory has to become what it will be, and the part after the last thing that was done to the fleet: new
/// certificates are remembered beside the old ones.
const WARM_UP: f64 = 0.2;
const AFTERMATH: f64 = 0.1;

/// One thing that was expected.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// What it came to; nothing when there was nothing to measure, which is not what was expected.
    pub value: Option<f64>,
    /// The most that it may be.
    pub bound: f64,
    /// Of both.
    pub unit: &'static str,
    /// Whether it is what was expected; nothing where that is not judged, as times of a quick run.
    pub met: Option<bool>,
}

/// Judges a run; `crypto` is what a handshake takes of both sides. Quick ones are over before times say anything.
pub(super) fn checks(scenario: &Scenario, record: &Record, crypto: Duration, quick: bool) -> Vec<Check> {
    let expect = &scenario.expect;
    let all = record.sum(|_| true, |_| true);
    let count =
        |what: &str, value: u64, bound: u64| check(what, Some(precise(value)), precise(bound), "", true);
    let mut checks = vec![count("bad devices that were let in", all.admitted_in_all(), 0)];
    if let Some(bound) = expect.refusals {
        checks.push(count("good devices refused", all.refusals.values().sum(), bound));
    }
    if let Some(bound) = expect.failures {
        checks.push(count("other failures of good devices", all.failures.values().sum(), bound));
    }
    let storms: Vec<_> = record.returns.iter().map(|back| back.phase).collect();
    if let Some(bound) = expect.p99 {
        let requests = record.sum(|phase| phase > 0 && !storms.contains(&phase), |_| true).requests;
        checks.push(check("p99 of answers", requests.millis(0.99), millis(bound), "ms", !quick));
    }
    for back in &record.returns {
        checks.extend(returned(scenario, record, back, crypto, quick));
    }
    if let Some(bound) = expect.revoked_within {
        let took = all.revoked.millis(0.99);
        checks.push(check("revoked devices are gone, p99", took, millis(bound), "ms", true));
    }
    checks.extend(resources(expect, record, quick));
    checks
}

fn returned(
    scenario: &Scenario,
    record: &Record,
    back: &Return,
    crypto: Duration,
    quick: bool,
) -> Vec<Check> {
    let Expect { back: multiple, back_within, p99_ratio, .. } = &scenario.expect;
    let mut checks = Vec::new();
    let took = back.took.map(|took| took.as_secs_f64());
    if let Some(bound) = back_within {
        let what = format!("all {} back after the {}", back.devices, back.event);
        checks.push(check(&what, took, bound.as_secs_f64(), "s", true));
    }
    if let Some(bound) = *multiple {
        let cpus = available_parallelism().map_or(1, NonZeroUsize::get);
        let crypto = crypto.as_secs_f64() * precise(back.devices as u64) / precise(cpus as u64);
        let what =
            format!("all {} back after the {}, over {crypto:.2} s of cryptography", back.devices, back.event);
        checks.push(check(&what, took.map(|took| took / crypto), bound, "×", !quick));
    }
    if let Some(bound) = *p99_ratio {
        let spared =
            |fleet: usize| scenario.fleet.get(fleet).is_some_and(|fleet| !back.fleets.contains(&fleet.name));
        let during = record.sum(|phase| phase == back.phase, spared).requests.millis(0.99);
        let before = record.sum(|phase| phase > 0 && phase < back.phase, spared).requests.millis(0.99);
        let ratio = during.zip(before).map(|(during, before)| during / before);
        let what = match during.zip(before) {
            Some((during, before)) => {
                format!("p99 of the others meanwhile ({during:.1} ms) over before ({before:.1} ms)")
            }
            None => "p99 of the others meanwhile over before".to_owned(),
        };
        checks.push(check(&what, ratio, bound, "×", !quick));
    }
    checks
}

fn resources(expect: &Expect, record: &Record, quick: bool) -> Vec<Check> {
    let (Some(begun), Some(end)) = (record.phases.get(1), record.phases.last()) else { return Vec::new() };
    let whole = end.to - begun.from;
    let warm = (begun.from + WARM_UP * whole).max(end.from + AFTERMATH * whole);
    let warm: Vec<_> = record.samples.iter().filter(|sample| sample.at >= warm).collect();
    let mut checks = Vec::new();
    if let Some(bound) = expect.memory_growth {
        let points: Vec<_> = warm.iter().filter_map(|sample| Some((sample.at, sample.memory?))).collect();
        let growth = fit::growth(&points).map(|growth| growth * 100.0);
        checks.push(check("growth of the gateway's memory, by a line", growth, bound * 100.0, "%", !quick));
    }
    if let Some(bound) = expect.descriptors {
        // Devices come and go, each with a descriptor or two: of a single moment the number says little.
        let points: Vec<_> =
            warm.iter().filter_map(|sample| Some((sample.at, precise(sample.descriptors?)))).collect();
        let more = fit::rise(&points);
        checks.push(check("descriptors more than before, by a line", more, precise(bound), "", true));
    }
    checks
}

fn check(what: &str, value: Option<f64>, bound: f64, unit: &'static str, judged: bool) -> Check {
    let met = judged.then(|| value.is_some_and(|value| value <= bound));
    Check { what: what.to_owned(), value, bound, unit, met }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn precise(count: u64) -> f64 {
    count as f64
}
