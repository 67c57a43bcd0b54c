//! Suite `handshake`: a new connection, a full TLS 1.3 handshake with a client certificate, and one request.

mod simulator;

use http::Uri;
use simulator::Simulator;

use super::stage::{Devices, Server, Stage};
use super::{Event, Options, SuiteError, turn::MeasureError};
use crate::load;
use crate::measure::{Comparison, Report, Row, Run, Series};
use crate::pki::KeyKind;
use crate::server::{Kind, Peer, Tickets};

const UNIT: &str = "CPU µs";

/// Series of one kind of device, a series a server.
type Column = Vec<Series>;

pub(super) async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, SuiteError> {
    let both = |peer: &Peer| [Kind::Peer(*peer, Tickets::Off), Kind::Peer(*peer, Tickets::Default)];
    let peers = options.peers.iter().flat_map(both);
    let kinds: Vec<_> =
        [Kind::Fleetgate, Kind::FleetgateCold].into_iter().chain(peers).chain([Kind::Floor]).collect();
    let stage = Stage::set(&kinds, &[KeyKind::P256, KeyKind::Rsa2048], options, tell).await?;
    let (columns, simulator) = measure(&stage, options, tell).await?;
    let mut rows = Vec::new();
    for (devices, column) in stage.devices.iter().zip(&columns) {
        rows.extend(compare(devices.label, &kinds, column)?);
    }
    rows.push(simulator.row().map_err(MeasureError::from)?);
    Ok(Report { suite: "handshake", host: stage.description, rows })
}

async fn measure(
    stage: &Stage,
    options: &Options,
    tell: &dyn Fn(Event<'_>),
) -> Result<(Vec<Column>, Simulator), MeasureError> {
    let sizes = options.sizes;
    tell(Event::Stage("warming up: every device at every server"));
    for server in &stage.servers {
        for devices in &stage.devices {
            // Twice, because nobody is known the first time.
            handshakes(server, devices, 2 * sizes.identities).await?;
        }
    }
    let mut columns = vec![vec![Series::default(); stage.servers.len()]; stage.devices.len()];
    let mut simulator = Simulator::default();
    tell(Event::Steps(sizes.rounds * stage.servers.len() * stage.devices.len()));
    for round in Run::begin().rounds(sizes.rounds) {
        for (devices, column) in stage.devices.iter().zip(&mut columns) {
            for (server, series) in stage.servers.iter().zip(column) {
                tell(Event::Step(round.number(), &format!("{}, {}", server.kind.label(), devices.label)));
                round.record(series, handshakes(server, devices, sizes.handshakes).await?);
            }
        }
        // The floor, which is last, leaves the most to do on this side.
        if let (Some(floor), Some(devices)) = (stage.servers.last(), stage.devices.first()) {
            simulator.measure(round, floor, devices, sizes.handshakes).await?;
        }
    }
    Ok((columns, simulator))
}

/// CPU time a handshake and request, in microseconds.
async fn handshakes(server: &Server, devices: &Devices, count: usize) -> Result<f64, MeasureError> {
    let path = Uri::from_static("/bytes/2048");
    let load = load::handshakes(&devices.connectors, server.target, &path, count);
    let ((), micros) = server.cpu_micros(load).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    Ok(micros / count as f64)
}

fn compare(devices: &str, kinds: &[Kind], column: &Column) -> Result<Vec<Row>, MeasureError> {
    let mut rows = Vec::new();
    for subject in [Kind::Fleetgate, Kind::FleetgateCold] {
        let ours = kinds.iter().zip(column).find(|(kind, _)| **kind == subject);
        for (reference, theirs) in kinds.iter().zip(column) {
            if let Some((_, ours)) = ours
                && worth_a_row(subject, *reference)
            {
                let state = if subject == Kind::Fleetgate { "known device" } else { "cold cache" };
                let name = format!("handshake + request, {devices}, {state}");
                let target = target(devices, subject, *reference);
                let reference = reference.label();
                rows.push(Comparison { name, unit: UNIT, ours, reference, theirs, target }.row()?);
            }
        }
    }
    Ok(rows)
}

/// The cold cache is put beside the warm one, not the other way around as well, and only beside the same work.
fn worth_a_row(subject: Kind, reference: Kind) -> bool {
    match (subject, reference) {
        (_, Kind::FleetgateCold) | (Kind::FleetgateCold, Kind::Peer(_, Tickets::Default) | Kind::Floor) => {
            false
        }
        _ => subject != reference,
    }
}

/// The agreed bounds are for P-256 and known devices. They do not say whether a peer hands out tickets, so both have them.
fn target(devices: &str, subject: Kind, reference: Kind) -> Option<f64> {
    match (devices, subject, reference) {
        ("P-256", Kind::Fleetgate, Kind::Peer(Peer::Caddy, _)) => Some(0.45),
        ("P-256", Kind::Fleetgate, Kind::Peer(Peer::Nginx, _)) => Some(0.25),
        ("P-256", Kind::Fleetgate, Kind::Peer(Peer::Pingora, _)) => Some(0.70),
        _ => None,
    }
}
