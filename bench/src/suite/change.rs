//! Suite `change`: what a change of a policy takes where 10,000 policies and 1,000 certificates are stored, how soon it is in
//! force, and what devices notice of it.

mod admin;
mod stored;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use http::{StatusCode, Uri};
use tokio::time::{Instant, sleep};

use super::stage::{Server, Stage, StageError};
use super::{Event, MeasureError, Options, SuiteError};
use crate::client::{Connector, Session};
use crate::latency::Latency;
use crate::load::LoadError;
use crate::measure::{Comparison, Report, Row, Run, Series};
use crate::pki::KeyKind;
use crate::server::Kind;

/// Connections on which it is looked for a change: enough that every worker has some.
const WATCHERS: usize = 16;
/// Changes whose time is taken, a round.
const CHANGES: usize = 20;
/// How long devices are watched, with changes and without.
const WATCH: Duration = Duration::from_secs(5);
/// How long whoever changes something rests in between.
const REST: Duration = Duration::from_millis(100);
/// How long a device rests between two requests, or two handshakes.
const PAUSE: Duration = Duration::from_millis(2);
/// The agreed bounds, in milliseconds: of what a write takes over an fsync, and until it is in force.
const WRITE: f64 = 20.0;
const IN_FORCE: f64 = 1_000.0;
/// What is said of devices.
const QUANTILES: [(f64, &str); 2] = [(0.5, "p50"), (0.99, "p99")];

/// What was measured.
#[derive(Default)]
struct Measured {
    written: Series,
    written_bound: Series,
    in_force: Series,
    in_force_bound: Series,
    /// Of requests and of new connections, by quantile: while something changes, and while nothing does.
    noticed: [[[Series; 2]; QUANTILES.len()]; 2],
}

/// Runs the suite; `tell` hears how far it is.
pub(super) async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Report, SuiteError> {
    let stage = Stage::set(&[Kind::FleetgateStored], &[KeyKind::P256], options, tell).await?;
    let mut rows = Vec::new();
    if let (Some(server), Some(devices)) = (stage.servers.first(), stage.devices.first()) {
        let scene = Scene { server, devices: &devices.connectors, folder: stage.folder_of(server) };
        tell(Event::Stage("storing 10,000 policies and 1,000 certificates"));
        scene.fill().await?;
        let measured = scene.measure(options.sizes.rounds, tell).await?;
        rows = measured.rows()?;
    }
    Ok(Report { suite: "change", host: stage.description, rows })
}

impl Measured {
    fn rows(&self) -> Result<Vec<Row>, MeasureError> {
        let row = |name: &str, reference, [ours, theirs]: [&Series; 2], target| {
            Comparison { name: name.to_owned(), unit: "ms", ours, reference, theirs, target }.row()
        };
        let bounds = [
            ("a change: kept and in force, over an fsync", [&self.written, &self.written_bound]),
            ("a change: from its answer to every connection", [&self.in_force, &self.in_force_bound]),
        ];
        let mut rows = Vec::new();
        for (name, series) in bounds {
            rows.push(row(name, "the bound", series, Some(1.0))?);
        }
        for (what, by_quantile) in ["request", "new connection"].iter().zip(&self.noticed) {
            for ((_, quantile), [changing, quiet]) in QUANTILES.iter().zip(by_quantile) {
                let name = format!("{what}, {quantile}, while policies change");
                rows.push(row(&name, "nothing changes", [changing, quiet], None)?);
            }
        }
        Ok(rows)
    }
}

/// A gateway, and its devices.
struct Scene<'a> {
    server: &'a Server,
    devices: &'a [Connector],
    folder: PathBuf,
}

impl Scene<'_> {
    async fn fill(&self) -> Result<(), SuiteError> {
        let everything = stored::everything().map_err(StageError::Issue)?;
        for some in everything.chunks(stored::AT_A_TIME) {
            admin::change(&self.socket(), some).await.map_err(StageError::Io)?;
        }
        Ok(())
    }

    async fn measure(&self, rounds: usize, tell: &dyn Fn(Event<'_>)) -> Result<Measured, SuiteError> {
        let mut measured = Measured::default();
        tell(Event::Steps(3 * rounds));
        for round in Run::begin().rounds(rounds) {
            tell(Event::Step(round.number(), "a change"));
            let [written, in_force, fsync] = self.changes().await?;
            round.record(&mut measured.written, written - fsync);
            round.record(&mut measured.written_bound, WRITE);
            round.record(&mut measured.in_force, in_force);
            round.record(&mut measured.in_force_bound, IN_FORCE);
            tell(Event::Step(round.number(), "devices while policies change"));
            let changing = tokio::select! {
                seen = self.watch() => seen?,
                failed = self.change_on_and_on() => return Err(failed.into()),
            };
            tell(Event::Step(round.number(), "devices while nothing changes"));
            let quiet = self.watch().await?;
            for (series, seen) in measured.noticed.iter_mut().zip(changing.iter().zip(&quiet)) {
                for ((quantile, _), [changing, quiet]) in QUANTILES.iter().zip(series) {
                    let millis = |latency: &Latency| latency.millis(*quantile).unwrap_or(f64::INFINITY);
                    round.record(changing, millis(seen.0));
                    round.record(quiet, millis(seen.1));
                }
            }
        }
        Ok(measured)
    }

    /// Medians of several changes, in milliseconds: from the request to its answer; from that until every connection has seen
    /// it; and of an fsync in the same folder.
    async fn changes(&self) -> Result<[f64; 3], SuiteError> {
        let mut sessions = Vec::new();
        for device in self.devices.iter().cycle().take(WATCHERS) {
            let session = Box::pin(device.connect(self.server.target)).await;
            sessions.push(session.map_err(|error| self.failed(error.into()))?);
        }
        let [mut written, mut in_force, mut fsync] = <[Latency; 3]>::default();
        // It ends with everybody permitted.
        for permitted in (0..CHANGES).map(|number| !number.is_multiple_of(2)) {
            let begun = Instant::now();
            self.permit(permitted).await?;
            written.record(begun.elapsed());
            let answered = Instant::now();
            for (session, device) in sessions.iter_mut().zip(self.devices.iter().cycle()) {
                self.until(session, device, permitted).await.map_err(|error| self.failed(error))?;
            }
            in_force.record(answered.elapsed());
            fsync.record(self.fsync().map_err(StageError::Io)?);
        }
        Ok([written, in_force, fsync].map(|latency| latency.millis(0.5).unwrap_or(f64::INFINITY)))
    }

    /// Until a connection has seen a change. One that lost its permit is closed, and its device comes again.
    async fn until(
        &self,
        session: &mut Session,
        device: &Connector,
        permitted: bool,
    ) -> Result<(), LoadError> {
        let wanted = if permitted { StatusCode::OK } else { StatusCode::FORBIDDEN };
        loop {
            match session.get(&Uri::from_static(stored::PATH)).await {
                Ok(answer) if answer.status == wanted => return Ok(()),
                Ok(_) => {}
                Err(_) => *session = Box::pin(device.connect(self.server.target)).await?,
            }
        }
    }

    /// Changes what nobody asks for, until that fails.
    async fn change_on_and_on(&self) -> StageError {
        loop {
            for permitted in [false, true] {
                if let Err(error) = self.permit(permitted).await {
                    return error;
                }
                sleep(REST).await;
            }
        }
    }

    async fn permit(&self, permitted: bool) -> Result<(), StageError> {
        Ok(admin::change(&self.socket(), &[stored::permit(permitted)]).await?)
    }

    /// Latency of requests on held connections, and of new connections with a request.
    async fn watch(&self) -> Result<[Latency; 2], MeasureError> {
        let end = Instant::now() + WATCH;
        let seen = tokio::try_join!(self.requests(end), self.connections(end));
        let (requests, connections) = seen.map_err(|error| self.failed(error))?;
        Ok([requests, connections])
    }

    async fn requests(&self, end: Instant) -> Result<Latency, LoadError> {
        let mut latency = Latency::default();
        let Some(device) = self.devices.first() else { return Ok(latency) };
        let mut session = Box::pin(device.connect(self.server.target)).await?;
        while Instant::now() < end {
            let begun = Instant::now();
            ask(&mut session).await?;
            latency.record(begun.elapsed());
            sleep(PAUSE).await;
        }
        Ok(latency)
    }

    async fn connections(&self, end: Instant) -> Result<Latency, LoadError> {
        let mut latency = Latency::default();
        for device in self.devices.iter().cycle() {
            if Instant::now() >= end {
                break;
            }
            let begun = Instant::now();
            ask(&mut Box::pin(device.connect(self.server.target)).await?).await?;
            latency.record(begun.elapsed());
            sleep(PAUSE).await;
        }
        Ok(latency)
    }

    /// How long it takes until a page is on the disk.
    fn fsync(&self) -> io::Result<Duration> {
        let mut file = File::create(self.folder.join("fsync"))?;
        file.write_all(&[0; 4096])?;
        let begun = Instant::now();
        file.sync_all()?;
        Ok(begun.elapsed())
    }

    fn failed(&self, error: LoadError) -> MeasureError {
        self.server.failed()(error)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("admin.sock")
    }
}

/// Of what no change is about.
async fn ask(session: &mut Session) -> Result<(), LoadError> {
    match session.get(&Uri::from_static("/bytes/2048")).await?.status {
        StatusCode::OK => Ok(()),
        status => Err(LoadError::Status(status)),
    }
}
