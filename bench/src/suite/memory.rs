//! Suite `memory`: what an idle device takes in user space.

use std::time::Duration;

use http::Uri;
use tokio::time::sleep;

use super::stage::{Server, Stage};
use super::{Event, MeasureError, Options, Sizes, SuiteError};
use crate::client::Connector;
use crate::load;
use crate::measure::{Comparison, NotInterleaved, Report, Round, Row, Run, Series, resident};
use crate::pki::KeyKind;
use crate::server::{Kind, Peer, Tickets};

/// Devices that a server has met, several times, before the base line is taken.
const WARM: usize = 16;
/// How long a server has to give back what it can: a device that is idle for seconds is not one that has just spoken.
const SETTLE: Duration = Duration::from_secs(8);
const NGINX: Kind = Kind::Peer(Peer::Nginx, Tickets::Off);

/// How devices are connected, and what that may take.
#[derive(Clone, Copy, Debug)]
struct Way {
    name: &'static str,
    ours: Kind,
    http2: bool,
    /// The agreed bound, in KiB.
    bound: f64,
    /// The mark to reach beyond it, in KiB.
    mark: Option<f64>,
    /// Who does the same.
    peer: Option<Kind>,
}

const WAYS: [Way; 3] = [
    Way {
        name: "HTTP/1.1",
        ours: Kind::Fleetgate,
        http2: false,
        bound: 28.0,
        mark: Some(18.0),
        peer: Some(NGINX),
    },
    Way { name: "HTTP/2", ours: Kind::Fleetgate, http2: true, bound: 40.0, mark: None, peer: Some(NGINX) },
    Way { name: "tls host", ours: Kind::FleetgateStream, http2: false, bound: 16.0, mark: None, peer: None },
];

/// What was measured of a way.
#[derive(Debug)]
struct Measured {
    way: Way,
    idle: Series,
    known: Series,
    /// Constants, so that there is a ratio.
    bound: Series,
    mark: Series,
    peer: Series,
}

pub(super) async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, SuiteError> {
    // A device each, so that there is as much to know of them as there would be.
    let sizes = Sizes { identities: options.sizes.idle, ..options.sizes };
    let options = Options { sizes, ..options.clone() };
    let nginx = options.peers.contains(&Peer::Nginx).then_some(NGINX);
    let kinds: Vec<_> = [Kind::Fleetgate].into_iter().chain(nginx).collect();
    let stage = Stage::empty(&kinds, &[KeyKind::P256], &options, tell).await?;
    let streams = stage.knows_streams()?;
    if !streams {
        tell(Event::Stage("this gateway has no hosts that pass on bytes: none is measured"));
    }
    let ways = WAYS.into_iter().filter(|way| streams || way.ours != Kind::FleetgateStream);
    let ways = ways.map(|way| Way { peer: way.peer.and(nginx), ..way });
    let measured = measure(&stage, ways.map(Measured::new).collect(), sizes.rounds, tell).await?;
    let rows = measured.iter().map(Measured::rows).collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(MeasureError::from)?.concat();
    Ok(Report { suite: "memory", host: stage.description, rows })
}

async fn measure(
    stage: &Stage,
    mut all: Vec<Measured>,
    rounds: usize,
    tell: &dyn Fn(Event<'_>),
) -> Result<Vec<Measured>, SuiteError> {
    let http1 = stage.devices.first().map(|devices| devices.connectors.clone()).unwrap_or_default();
    let http2: Vec<_> = http1.iter().map(Connector::with_http2).collect();
    let turns: usize = all.iter().map(|measured| 1 + usize::from(measured.way.peer.is_some())).sum();
    tell(Event::Steps(rounds * turns));
    for round in Run::begin().rounds(rounds) {
        for measured in &mut all {
            let way = measured.way;
            let devices = if way.http2 { &http2 } else { &http1 };
            let turn = async |kind: Kind| {
                tell(Event::Step(round.number(), &format!("{}, {}", kind.label(), way.name)));
                // A new process each time: what a server keeps of the last round would be missing in this one.
                let server = stage.start(kind).await?;
                Ok::<_, SuiteError>(Kibibytes::measure(&server, devices).await?)
            };
            let ours = turn(way.ours).await?;
            let peer = match way.peer {
                Some(peer) => Some(turn(peer).await?),
                None => None,
            };
            measured.record(round, ours, peer);
        }
    }
    Ok(all)
}

/// KiB.
#[derive(Clone, Copy, Debug)]
struct Kibibytes {
    /// What a server keeps of a device that was there once.
    known: f64,
    /// What a connection takes on which a known device has asked once, and is silent.
    idle: f64,
}

impl Kibibytes {
    async fn measure(server: &Server, devices: &[Connector]) -> Result<Self, MeasureError> {
        let path = Uri::from_static("/bytes/2048");
        let name = server.kind.label();
        let resident = async || {
            sleep(SETTLE).await;
            resident(server.process.id()).map_err(|error| MeasureError::Memory { server: name, error })
        };
        let warm = devices.get(..WARM).unwrap_or(devices);
        load::handshakes(warm, server.target, &path, 4 * WARM).await.map_err(server.failed())?;
        let new = resident().await?;
        load::handshakes(devices, server.target, &path, devices.len()).await.map_err(server.failed())?;
        let known = resident().await?;
        let sessions = load::hold_all(devices.to_vec(), server.target, &path).await;
        let sessions = sessions.map_err(server.failed())?;
        let idle = resident().await?;
        let held = sessions.len();
        let closed = sessions.iter().filter(|session| !session.is_open()).count();
        if closed > 0 {
            return Err(MeasureError::NotHeld { server: name, closed, held });
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let each = |kibibytes: f64| kibibytes / held as f64;
        Ok(Self { known: each(known - new), idle: each(idle - known) })
    }
}

impl Measured {
    fn new(way: Way) -> Self {
        let series = Series::default;
        Self { way, idle: series(), known: series(), bound: series(), mark: series(), peer: series() }
    }

    fn record(&mut self, round: Round<'_>, ours: Kibibytes, peer: Option<Kibibytes>) {
        round.record(&mut self.idle, ours.idle);
        round.record(&mut self.known, ours.known);
        round.record(&mut self.bound, self.way.bound);
        self.way.mark.inspect(|mark| round.record(&mut self.mark, *mark));
        peer.inspect(|peer| round.record(&mut self.peer, peer.idle));
    }

    fn rows(&self) -> Result<Vec<Row>, NotInterleaved> {
        let Way { name, mark, peer, .. } = self.way;
        let row = |what, ours, reference, theirs, target| {
            let name = format!("{what}, {name}");
            Comparison { name, unit: "KiB", ours, reference, theirs, target }.row()
        };
        let idle = |reference, theirs, target| row("idle connection", &self.idle, reference, theirs, target);
        let bound = Some(idle("the bound", &self.bound, Some(1.0)));
        let mark = mark.map(|_| idle("the mark", &self.mark, Some(1.0)));
        let peer = peer.map(|peer| idle(peer.label(), &self.peer, None));
        let known = Some(row("known device", &self.known, "its connection", &self.idle, None));
        [bound, mark, peer, known].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_the_agreed_ones_and_each_has_a_row() {
        let run = Run::begin();
        let of = |way| {
            let mut measured = Measured::new(way);
            for round in run.rounds(2) {
                let peer = way.peer.map(|_| Kibibytes { known: 0.0, idle: 27.0 });
                measured.record(round, Kibibytes { known: 4.0, idle: 28.0 }, peer);
            }
            measured.rows().unwrap()
        };
        let rows: Vec<_> = WAYS.into_iter().flat_map(of).collect();
        let rows: Vec<_> =
            rows.iter().map(|row| (&*row.name, row.reference, row.reference_value, row.met)).collect();
        let expected = [
            ("idle connection, HTTP/1.1", "the bound", 28.0, Some(true)),
            ("idle connection, HTTP/1.1", "the mark", 18.0, Some(false)),
            ("idle connection, HTTP/1.1", "nginx", 27.0, None),
            ("known device, HTTP/1.1", "its connection", 28.0, None),
            ("idle connection, HTTP/2", "the bound", 40.0, Some(true)),
            ("idle connection, HTTP/2", "nginx", 27.0, None),
            ("known device, HTTP/2", "its connection", 28.0, None),
            ("idle connection, tls host", "the bound", 16.0, Some(false)),
            ("known device, tls host", "its connection", 28.0, None),
        ];
        assert_eq!(rows, expected);
    }
}
