//! Suite `proxy`: requests on connections that are held, answers of 1 MiB, streams, and latency.

mod rows;

use http::{HeaderValue, Uri};

use super::stage::{Server, Stage};
use super::{Event, Options, SuiteError, turn::MeasureError};
use crate::client::{Connector, Session};
use crate::load::{self, LoadError};
use crate::measure::{Report, Round, Run, Series};
use crate::pki::KeyKind;
use crate::server::{Kind, Peer, Tickets};

const SMALL: &str = "/bytes/2048";
const LARGE: &str = "/bytes/1048576";
const STREAM: &str = "/bytes/67108864";
/// What a policy may add to a request, in CPU microseconds.
const POLICY_BOUND: f64 = 2.0;
const QUANTILES: [(f64, &str); 2] = [(0.5, "p50"), (0.99, "p99")];

/// What is measured at one server.
#[derive(Debug, Default)]
struct Measured {
    /// CPU microseconds a request.
    held: Series,
    /// CPU milliseconds an answer of 1 MiB.
    large: Series,
    /// CPU milliseconds a stream of 64 MiB.
    stream: Series,
    /// Microseconds, median and 99th percentile.
    through: [Series; 2],
    /// The same less the direct path's of the same round.
    added: [Series; 2],
}

/// What is measured in all.
#[derive(Debug)]
struct Results {
    servers: Vec<(Kind, Measured)>,
    /// CPU microseconds that a policy adds to a request, and what it may add.
    policy: [Series; 2],
    /// Microseconds of the direct path, median and 99th percentile.
    direct: [Series; 2],
}

/// What takes its turn at some of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Held,
    Large,
    Stream,
    Latency,
}

/// A server, the connections that are held to it, and what was measured.
struct Seat<'a> {
    server: &'a Server,
    sessions: Vec<Session>,
    measured: Measured,
}

pub(super) async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, SuiteError> {
    let peers = options.peers.iter().map(|peer| Kind::Peer(*peer, Tickets::Off));
    let kinds = [Kind::Fleetgate, Kind::FleetgateOpen].into_iter().chain(peers).chain([Kind::Floor]);
    let kinds: Vec<_> = kinds.collect();
    let mut stage = Stage::set(&kinds, &[KeyKind::P256], options, tell).await?;
    if !stage.knows_streams()? {
        tell(Event::Stage("this gateway has no hosts that pass on bytes: no streams are measured"));
    } else if options.peers.contains(&Peer::Haproxy) {
        for kind in [Kind::FleetgateStream, Kind::HaproxyStream] {
            let server = stage.start(kind).await?;
            stage.servers.push(server);
        }
    }
    let devices = stage.devices.first().map(|devices| devices.connectors.as_slice()).unwrap_or_default();
    let results = measure(&stage, devices, options, tell).await?;
    let rows = rows::compare(&results).map_err(MeasureError::from)?;
    Ok(Report { suite: "proxy", host: stage.description.clone(), rows })
}

async fn measure(
    stage: &Stage,
    devices: &[Connector],
    options: &Options,
    tell: &dyn Fn(Event<'_>),
) -> Result<Results, MeasureError> {
    tell(Event::Stage("connecting every device to every server, and warming up"));
    let mut seats = Vec::new();
    for server in &stage.servers {
        seats.push(Seat::warm(server, devices).await?);
    }
    let mut direct = connect_direct(stage).await.map_err(of_the_origin)?;
    let mut results = Results { servers: Vec::new(), policy: Default::default(), direct: Default::default() };
    let turns = seats.iter().map(|seat| Turn::of(seat.server.kind).len()).sum::<usize>();
    tell(Event::Steps(options.sizes.rounds * (1 + turns)));
    for round in Run::begin().rounds(options.sizes.rounds) {
        let step = |text: &str| tell(Event::Step(round.number(), text));
        let mut held = Vec::new();
        for turn in [Turn::Held, Turn::Large, Turn::Stream] {
            for seat in seats.iter_mut().filter(|seat| turn.is_of(seat.server.kind)) {
                step(&format!("{}, {}", seat.server.kind.label(), turn.label()));
                let value = seat.busy(turn, round, options).await?;
                held.extend((turn == Turn::Held).then_some((seat.server.kind, value)));
            }
        }
        policy(&held, round, &mut results.policy);
        step("the direct path, latency");
        let base = latency(&mut direct, options.sizes.latencies).await.map_err(of_the_origin)?;
        for (series, micros) in results.direct.iter_mut().zip(base) {
            round.record(series, micros);
        }
        for seat in seats.iter_mut().filter(|seat| Turn::Latency.is_of(seat.server.kind)) {
            step(&format!("{}, latency", seat.server.kind.label()));
            seat.latency(base, round, options.sizes.latencies).await?;
        }
    }
    results.servers = seats.into_iter().map(|seat| (seat.server.kind, seat.measured)).collect();
    Ok(results)
}

impl Turn {
    /// What is measured at a server.
    fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::FleetgateOpen => &[Self::Held],
            Kind::FleetgateStream | Kind::HaproxyStream => &[Self::Stream],
            _ => &[Self::Held, Self::Large, Self::Latency],
        }
    }

    fn is_of(self, kind: Kind) -> bool {
        Self::of(kind).contains(&self)
    }

    fn label(self) -> &'static str {
        match self {
            Self::Held => "held connections",
            Self::Large => "1 MiB",
            Self::Stream => "64 MiB",
            Self::Latency => "latency",
        }
    }
}

impl<'a> Seat<'a> {
    async fn warm(server: &'a Server, devices: &[Connector]) -> Result<Self, MeasureError> {
        // One more than is held, so that every cache has seen them all.
        load::handshakes(devices, server.target, &Uri::from_static(SMALL), devices.len())
            .await
            .map_err(server.failed())?;
        let mut sessions = load::hold(devices, server.target).await.map_err(server.failed())?;
        for (path, count) in [(SMALL, 500), (LARGE, 20)] {
            let path = Uri::from_static(path);
            sessions = load::requests(sessions, &path, count).await.map_err(server.failed())?;
        }
        Ok(Self { server, sessions, measured: Measured::default() })
    }

    /// Takes a turn on all connections at once; what an answer took in CPU microseconds.
    async fn busy(&mut self, turn: Turn, round: Round<'_>, options: &Options) -> Result<f64, MeasureError> {
        let sizes = &options.sizes;
        let (path, count, series, unit) = match turn {
            Turn::Held | Turn::Latency => (SMALL, sizes.requests, &mut self.measured.held, 1.0),
            Turn::Large => (LARGE, sizes.mebibytes, &mut self.measured.large, 1000.0),
            Turn::Stream => (STREAM, sizes.streams, &mut self.measured.stream, 1000.0),
        };
        let path = Uri::from_static(path);
        let load = load::requests(std::mem::take(&mut self.sessions), &path, count);
        let (back, micros) = self.server.cpu_micros(load).await?;
        self.sessions = back;
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let each = micros / count as f64;
        round.record(series, each / unit);
        Ok(each)
    }

    /// One request after the other; `base` is what the direct path took.
    async fn latency(&mut self, base: [f64; 2], round: Round<'_>, count: usize) -> Result<(), MeasureError> {
        let Some(session) = self.sessions.first_mut() else { return Ok(()) };
        let micros = latency(session, count).await.map_err(self.server.failed())?;
        let Measured { through, added, .. } = &mut self.measured;
        for (((through, added), micros), base) in through.iter_mut().zip(added).zip(micros).zip(base) {
            round.record(through, micros);
            round.record(added, micros - base);
        }
        Ok(())
    }
}

/// What a policy adds: the difference of two servers that are alike but for it, in the same round.
fn policy(held: &[(Kind, f64)], round: Round<'_>, [added, bound]: &mut [Series; 2]) {
    let of = |wanted| held.iter().find(|(kind, _)| *kind == wanted).map(|(_, micros)| micros);
    if let (Some(with), Some(without)) = (of(Kind::Fleetgate), of(Kind::FleetgateOpen)) {
        round.record(added, with - without);
        round.record(bound, POLICY_BOUND);
    }
}

async fn connect_direct(stage: &Stage) -> Result<Session, LoadError> {
    let mut session = Session::plain(stage.origin, HeaderValue::from_static("origin")).await?;
    load::latencies(&mut session, &Uri::from_static(SMALL), 100).await?;
    Ok(session)
}

fn of_the_origin(error: LoadError) -> MeasureError {
    MeasureError::Load { server: "the origin", error }
}

/// Median and 99th percentile of one request after the other, in microseconds.
async fn latency(session: &mut Session, count: usize) -> Result<[f64; 2], LoadError> {
    let latency = load::latencies(session, &Uri::from_static(SMALL), count).await?;
    #[expect(clippy::cast_precision_loss, reason = "at most a minute")]
    Ok(QUANTILES.map(|(quantile, _)| latency.micros(quantile) as f64))
}
