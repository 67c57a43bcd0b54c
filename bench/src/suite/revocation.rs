//! From a CRL that is replaced to its being enforced, end to end: how long until the connections are closed that it takes
//! the permit from, and until new handshakes are refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{StatusCode, Uri};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::stage::{Server, Stage, StageError};
use super::{Event, MeasureError, SuiteError};
use crate::client::{Connector, Session};
use crate::latency::Latency;
use crate::load::LoadError;
use crate::measure::{Comparison, NotInterleaved, Row, Run, Series};
use crate::pki::{self, KeyKind};
use crate::server::Kind;
use crate::suite::{Options, Sizes};

/// Connections that are open when the CRL comes.
const CONNECTIONS: usize = 1_000;
/// Devices that come again and again, until they are refused.
const COMERS: usize = 16;
/// How long such a device rests between two handshakes.
const REST: Duration = Duration::from_millis(5);
/// After which nothing more is expected.
const NEVER: Duration = Duration::from_secs(30);
/// The agreed bound, in milliseconds.
const BOUND: f64 = 1_000.0;
/// What is said of each round.
const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.99, "p99"), (1.0, "max")];

/// Milliseconds, by quantile.
type Quantiles = [Series; QUANTILES.len()];

/// Rows of the gateway's binary: `rounds` times all devices are revoked, and let in again.
pub(super) async fn run(
    gateway: &Path,
    rounds: usize,
    tell: &dyn Fn(Event<'_>),
) -> Result<Vec<Row>, SuiteError> {
    let sizes = Sizes { identities: 100, ..Sizes::QUICK };
    let options = Options { gateway: gateway.to_owned(), peers: Vec::new(), sizes };
    let stage = Stage::set(&[Kind::FleetgateCrl], &[KeyKind::P256], &options, tell).await?;
    let (Some(server), Some(devices)) = (stage.servers.first(), stage.devices.first()) else {
        return Ok(Vec::new());
    };
    let mut scene = Scene { server, devices: &devices.connectors, folder: stage.pki(), number: 1 };
    let (mut closed, mut refused, mut bound) =
        (Quantiles::default(), Quantiles::default(), Series::default());
    tell(Event::Steps(rounds));
    for round in Run::begin().rounds(rounds) {
        tell(Event::Step(round.number(), "revoking with 1,000 open connections"));
        let times = scene.revoke().await?;
        for (latency, series) in times.iter().zip([&mut closed, &mut refused]) {
            for ((quantile, _), series) in QUANTILES.into_iter().zip(series) {
                round.record(series, latency.millis(quantile).unwrap_or(f64::INFINITY));
            }
        }
        round.record(&mut bound, BOUND);
        scene.pardon().await?;
    }
    let mut rows = rows("revoked: open connection closed, of 1,000", &closed, &bound)?;
    rows.extend(self::rows("revoked: new handshake refused meanwhile", &refused, &bound)?);
    Ok(rows)
}

fn rows(name: &str, quantiles: &Quantiles, bound: &Series) -> Result<Vec<Row>, MeasureError> {
    let row = |((_, quantile), ours): ((f64, &str), &Series)| {
        let (name, reference) = (format!("{name}, {quantile}"), "the bound");
        let target = (quantile == "p99").then_some(1.0);
        Comparison { name, unit: "ms", ours, reference, theirs: bound, target }.row()
    };
    let rows: Result<_, NotInterleaved> = QUANTILES.into_iter().zip(quantiles).map(row).collect();
    Ok(rows?)
}

/// A gateway, its devices, and the CRL in force.
struct Scene<'a> {
    server: &'a Server,
    devices: &'a [Connector],
    folder: PathBuf,
    number: u64,
}

impl Scene<'_> {
    /// From the moment that the CRL is in its place: until each connection was closed, and until each device that comes
    /// again and again was refused.
    async fn revoke(&mut self) -> Result<[Latency; 2], SuiteError> {
        let mut closing = JoinSet::new();
        for device in self.devices.iter().cycle().take(CONNECTIONS) {
            let mut session = self.connect(device).await.map_err(self.server.failed())?;
            closing.spawn_local(async move {
                session.closed().await;
                Ok(Instant::now())
            });
        }
        let list = self.next(true)?;
        let begun = Instant::now();
        fs::rename(list, self.crl()).map_err(StageError::Io)?;
        let mut refusing = JoinSet::new();
        for device in self.devices.iter().take(COMERS).cloned() {
            refusing.spawn_local(refusal(device, self.server.target));
        }
        let closed = self.latency(closing, begun).await?;
        Ok([closed, self.latency(refusing, begun).await?])
    }

    /// Lets everybody in again.
    async fn pardon(&mut self) -> Result<(), SuiteError> {
        let list = self.next(false)?;
        fs::rename(list, self.crl()).map_err(StageError::Io)?;
        let Some(device) = self.devices.first() else { return Ok(()) };
        let admitted = async {
            while self.connect(device).await.is_err() {
                sleep(REST).await;
            }
        };
        let in_time = timeout(NEVER, admitted).await;
        in_time.map_err(|_| SuiteError::Measure(self.late()))
    }

    /// A connection on which a request was permitted.
    async fn connect(&self, device: &Connector) -> Result<Session, LoadError> {
        let mut session = device.connect(self.server.target).await?;
        match session.get(&Uri::from_static("/bytes/1")).await?.status {
            StatusCode::OK => Ok(session),
            status => Err(LoadError::Status(status)),
        }
    }

    async fn latency(
        &self,
        mut tasks: JoinSet<Result<Instant, LoadError>>,
        begun: Instant,
    ) -> Result<Latency, MeasureError> {
        let mut latency = Latency::default();
        let all = async {
            while let Some(result) = tasks.join_next().await {
                let at = result.map_err(LoadError::from).flatten().map_err(self.server.failed())?;
                latency.record(at.duration_since(begun));
            }
            Ok(())
        };
        timeout(NEVER, all).await.unwrap_or_else(|_| Err(self.late()))?;
        Ok(latency)
    }

    fn late(&self) -> MeasureError {
        MeasureError::Late { server: self.server.kind.label(), seconds: NEVER.as_secs() }
    }

    fn crl(&self) -> PathBuf {
        pki::crl_file(&self.folder.join(pki::CA))
    }

    /// The next CRL, not in its place yet.
    fn next(&mut self, revokes: bool) -> Result<PathBuf, StageError> {
        self.number += 1;
        let path = self.folder.join("next.crl");
        fs::write(&path, pki::crl(&self.folder, self.number, revokes)?)?;
        Ok(path)
    }
}

/// When a device was refused that comes again and again.
async fn refusal(device: Connector, target: crate::client::Target) -> Result<Instant, LoadError> {
    loop {
        match device.connect(target).await?.get(&Uri::from_static("/bytes/1")).await {
            Ok(answer) if answer.status == StatusCode::FORBIDDEN => return Ok(Instant::now()),
            Ok(answer) if answer.status.is_success() => {}
            Ok(answer) => return Err(LoadError::Status(answer.status)),
            // It was let in, and closed before it had asked: the next one says.
            Err(_) => {}
        }
        sleep(REST).await;
    }
}
