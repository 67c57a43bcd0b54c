//! What was measured, as rows.

use super::{Measured, QUANTILES, Results, Turn};
use crate::measure::{Comparison, NotInterleaved, Row, Series};
use crate::server::{Kind, Peer, Tickets};

const NGINX: Kind = Kind::Peer(Peer::Nginx, Tickets::Off);
const PINGORA: Kind = Kind::Peer(Peer::Pingora, Tickets::Off);

pub(super) fn compare(results: &Results) -> Result<Vec<Row>, NotInterleaved> {
    let nginx = |kind, ratio| (kind == NGINX).then_some(ratio);
    let of = |turn| Beside::of(turn, Kind::Fleetgate, results);
    let mut rows = Vec::new();
    for Beside { kind, ours, theirs } in of(Turn::Held) {
        let series = (&ours.held, &theirs.held);
        rows.push(compared("request on a held connection", "CPU µs", series, kind, nginx(kind, 0.95))?);
    }
    let [policy, bound] = &results.policy;
    if !policy.is_empty() {
        let (name, reference) = ("a policy's permit adds".to_owned(), "the bound");
        let target = Some(1.0);
        let row = Comparison { name, unit: "CPU µs", ours: policy, reference, theirs: bound, target };
        rows.push(row.row()?);
    }
    for Beside { kind, ours, theirs } in of(Turn::Large) {
        let series = (&ours.large, &theirs.large);
        let target = nginx(kind, 0.5).or((kind == PINGORA).then_some(0.9));
        rows.push(compared("1 MiB response", "CPU ms", series, kind, target)?);
    }
    for Beside { kind, ours, theirs } in Beside::of(Turn::Stream, Kind::FleetgateStream, results) {
        let series = (&ours.stream, &theirs.stream);
        // The agreed bound is of throughput, 1.5 times the other's: the inverse.
        rows.push(compared("stream of 64 MiB", "CPU ms", series, kind, Some(1.0 / 1.5))?);
    }
    for (index, (_, quantile)) in QUANTILES.into_iter().enumerate() {
        rows.extend(latencies(results, index, quantile)?);
    }
    Ok(rows)
}

/// Latency at one quantile: what each server adds, and the whole way beside the direct path.
fn latencies(results: &Results, index: usize, quantile: &str) -> Result<Vec<Row>, NotInterleaved> {
    let at = |series: &[Series; 2]| series.get(index).cloned().unwrap_or_default();
    let mut rows = Vec::new();
    let mut through = Series::default();
    for Beside { kind, ours, theirs } in Beside::of(Turn::Latency, Kind::Fleetgate, results) {
        through = at(&ours.through);
        // The floor answers itself, so what it adds to the way to the origin means nothing.
        if kind != Kind::Floor {
            let series = (&at(&ours.added), &at(&theirs.added));
            rows.push(compared(&format!("added latency {quantile}"), "µs", series, kind, None)?);
        }
    }
    let (name, unit, reference) = (format!("latency {quantile}"), "µs", "direct path");
    let theirs = &at(&results.direct);
    rows.push(Comparison { name, unit, ours: &through, reference, theirs, target: None }.row()?);
    Ok(rows)
}

/// Ours beside another server where both took the same turns.
struct Beside<'a> {
    kind: Kind,
    ours: &'a Measured,
    theirs: &'a Measured,
}

impl<'a> Beside<'a> {
    fn of(turn: Turn, subject: Kind, results: &'a Results) -> Vec<Self> {
        let ours = results.servers.iter().find(|(kind, _)| *kind == subject);
        let takes_part = |kind: Kind| turn.is_of(kind) && ![subject, Kind::FleetgateOpen].contains(&kind);
        let others = results.servers.iter().filter(|(kind, _)| takes_part(*kind));
        let beside = |(_, ours): &'a (Kind, Measured)| {
            others.map(|(kind, theirs)| Self { kind: *kind, ours, theirs }).collect()
        };
        ours.map(beside).unwrap_or_default()
    }
}

fn compared(
    name: &str,
    unit: &'static str,
    (ours, theirs): (&Series, &Series),
    reference: Kind,
    target: Option<f64>,
) -> Result<Row, NotInterleaved> {
    let (name, reference) = (name.to_owned(), reference.label());
    Comparison { name, unit, ours, reference, theirs, target }.row()
}
