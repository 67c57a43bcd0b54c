//! Suite `proxy`: requests on connections that are held, answers of 1 MiB, and latency.

use http::{HeaderValue, Uri};

use super::stage::{Server, Stage};
use super::{Event, Options, SuiteError, turn::MeasureError};
use crate::client::{Connector, Session};
use crate::load::{self, LoadError};
use crate::measure::{Comparison, Report, Row, Run, Series};
use crate::pki::KeyKind;
use crate::server::{Kind, Peer, Tickets};

const SMALL: &str = "/bytes/2048";
const LARGE: &str = "/bytes/1048576";

/// What is measured at one server.
#[derive(Debug, Default)]
struct Measured {
    /// CPU microseconds a request.
    held: Series,
    /// CPU milliseconds an answer of 1 MiB.
    large: Series,
    /// Microseconds, median and 99th percentile.
    through: [Series; 2],
    /// The same less the direct path's of the same round.
    added: [Series; 2],
}

/// What is measured in all.
#[derive(Debug)]
struct Results {
    servers: Vec<(Kind, Measured)>,
    /// Microseconds of the direct path, median and 99th percentile.
    direct: [Series; 2],
}

const QUANTILES: [(f64, &str); 2] = [(0.5, "p50"), (0.99, "p99")];

pub(super) async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, SuiteError> {
    let peers = options.peers.iter().map(|peer| Kind::Peer(*peer, Tickets::Off));
    let kinds: Vec<_> = [Kind::Fleetgate].into_iter().chain(peers).chain([Kind::Floor]).collect();
    let stage = Stage::set(&kinds, &[KeyKind::P256], options, tell).await?;
    let devices = stage.devices.first().map(|devices| devices.connectors.as_slice()).unwrap_or_default();
    let results = measure(&stage, devices, options, tell).await?;
    Ok(Report { suite: "proxy", host: stage.description.clone(), rows: compare(&results)? })
}

async fn measure(
    stage: &Stage,
    devices: &[Connector],
    options: &Options,
    tell: &dyn Fn(Event<'_>),
) -> Result<Results, MeasureError> {
    tell(Event::Stage("connecting every device to every server, and warming up"));
    let mut held = Vec::new();
    for server in &stage.servers {
        // One more than is held, so that every cache has seen them all.
        load::handshakes(devices, server.target, &Uri::from_static(SMALL), devices.len())
            .await
            .map_err(server.failed())?;
        let sessions = load::hold(devices, server.target).await.map_err(server.failed())?;
        let sessions =
            load::requests(sessions, &Uri::from_static(SMALL), 500).await.map_err(server.failed())?;
        held.push(load::requests(sessions, &Uri::from_static(LARGE), 20).await.map_err(server.failed())?);
    }
    let mut direct = connect_direct(stage).await.map_err(of_the_origin)?;
    let servers = stage.servers.iter().map(|server| (server.kind, Measured::default())).collect();
    let mut results = Results { servers, direct: Default::default() };
    tell(Event::Steps(options.sizes.rounds * (1 + 3 * stage.servers.len())));
    for round in Run::begin().rounds(options.sizes.rounds) {
        let step = |text: &str| tell(Event::Step(round.number(), text));
        for ((server, sessions), (_, measured)) in
            stage.servers.iter().zip(&mut held).zip(&mut results.servers)
        {
            step(&format!("{}, held connections", server.kind.label()));
            round.record(&mut measured.held, busy(server, sessions, SMALL, options.sizes.requests).await?);
        }
        for ((server, sessions), (_, measured)) in
            stage.servers.iter().zip(&mut held).zip(&mut results.servers)
        {
            step(&format!("{}, 1 MiB", server.kind.label()));
            round.record(
                &mut measured.large,
                busy(server, sessions, LARGE, options.sizes.mebibytes).await? / 1000.0,
            );
        }
        step("the direct path, latency");
        let base = latency(&mut direct, options.sizes.latencies).await.map_err(of_the_origin)?;
        for (series, micros) in results.direct.iter_mut().zip(base) {
            round.record(series, micros);
        }
        for ((server, sessions), (_, measured)) in
            stage.servers.iter().zip(&mut held).zip(&mut results.servers)
        {
            step(&format!("{}, latency", server.kind.label()));
            let Some(session) = sessions.first_mut() else { continue };
            let micros = latency(session, options.sizes.latencies).await.map_err(server.failed())?;
            for (((through, added), micros), base) in
                measured.through.iter_mut().zip(&mut measured.added).zip(micros).zip(base)
            {
                round.record(through, micros);
                round.record(added, micros - base);
            }
        }
    }
    Ok(results)
}

async fn connect_direct(stage: &Stage) -> Result<Session, LoadError> {
    let mut session = Session::plain(stage.origin, HeaderValue::from_static("origin")).await?;
    load::latencies(&mut session, &Uri::from_static(SMALL), 100).await?;
    Ok(session)
}

fn of_the_origin(error: LoadError) -> MeasureError {
    MeasureError::Load { server: "the origin", error }
}

/// CPU microseconds an answer, on all connections at once.
async fn busy(
    server: &Server,
    sessions: &mut Vec<Session>,
    path: &'static str,
    count: usize,
) -> Result<f64, MeasureError> {
    let path = Uri::from_static(path);
    let load = load::requests(std::mem::take(sessions), &path, count);
    let (back, micros) = server.cpu_micros(load).await?;
    *sessions = back;
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    Ok(micros / count as f64)
}

/// Median and 99th percentile of one request after the other, in microseconds.
async fn latency(session: &mut Session, count: usize) -> Result<[f64; 2], LoadError> {
    let latency = load::latencies(session, &Uri::from_static(SMALL), count).await?;
    #[expect(clippy::cast_precision_loss, reason = "at most a minute")]
    Ok(QUANTILES.map(|(quantile, _)| latency.micros(quantile) as f64))
}

fn compare(results: &Results) -> Result<Vec<Row>, MeasureError> {
    let mut rows = Vec::new();
    let Some((ours, others)) = results.servers.split_first() else { return Ok(rows) };
    let (_, ours) = ours;
    for (kind, theirs) in others {
        let target = (*kind == Kind::Peer(Peer::Nginx, Tickets::Off)).then_some(0.95);
        rows.push(compared(
            "request on a held connection",
            "CPU µs",
            (&ours.held, &theirs.held),
            *kind,
            target,
        )?);
    }
    for (kind, theirs) in others {
        let target = (*kind == Kind::Peer(Peer::Nginx, Tickets::Off)).then_some(0.5);
        rows.push(compared("1 MiB response", "CPU ms", (&ours.large, &theirs.large), *kind, target)?);
    }
    for (index, (_, label)) in QUANTILES.into_iter().enumerate() {
        let at = |series: &[Series; 2]| series.get(index).cloned().unwrap_or_default();
        // The floor answers itself, so what it adds to the way to the origin means nothing.
        for (kind, theirs) in others.iter().filter(|(kind, _)| *kind != Kind::Floor) {
            let series = (&at(&ours.added), &at(&theirs.added));
            rows.push(compared(&format!("added latency {label}"), "µs", series, *kind, None)?);
        }
        let (through, direct) = (at(&ours.through), at(&results.direct));
        let name = format!("latency {label}");
        let comparison = Comparison {
            name,
            unit: "µs",
            ours: &through,
            reference: "direct path",
            theirs: &direct,
            target: None,
        };
        rows.push(comparison.row()?);
    }
    Ok(rows)
}

fn compared(
    name: &str,
    unit: &'static str,
    (ours, theirs): (&Series, &Series),
    reference: Kind,
    target: Option<f64>,
) -> Result<Row, MeasureError> {
    let (name, reference) = (name.to_owned(), reference.label());
    Ok(Comparison { name, unit, ours, reference, theirs, target }.row()?)
}
