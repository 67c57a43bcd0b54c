//! Plays a scenario: sets everything up, has devices come, does to them what the scenario says, and writes down what happens.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::time::sleep;

use super::identities::Identities;
use super::people::{self, Crew};
use super::place::Place;
use super::processes::{self, Gateway};
use super::record::{Record, Return};
use super::results::{self, Results};
use super::samples::Sample;
use super::scenario::Scenario;
use super::site::{Ports, Site};
use super::timeline::{Step, timeline};
use super::{FleetError, Options, checks, crypto};
use crate::client::Trust;
use crate::floor;
use crate::pki;
use crate::server::{self, Process};
use crate::sim::Working;
use crate::suite::Event;

/// How often it is written down what devices saw.
const TICK: Duration = Duration::from_millis(500);
/// How often it is looked at the gateway: every so many ticks.
const SAMPLE: usize = 2;
/// How often it is looked whether all are back.
const LOOK: Duration = Duration::from_millis(5);
/// How long devices may take to be up after the last has come, and to be back after the end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Plays a scenario; `tell` hears how far it is. The calling thread is where the gateway is, ever after.
///
/// # Errors
/// When it could not be played to its end. What came of it is in the results.
pub async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Results, FleetError> {
    let mut stage = Stage::set(options, tell).await?;
    tell(Event::Stage("devices come"));
    let working = stage.begin()?;
    stage.arrive(tell).await?;
    tell(Event::Stage("all have come"));
    stage.play(tell).await?;
    drop(working);
    let Stage { record, crypto, host, .. } = stage;
    let checks = checks::checks(&options.scenario, &record, crypto, options.quick);
    Ok(results::results(options, record, crypto, host, checks))
}

/// Everything of a run. Processes and devices end when it is dropped.
struct Stage<'a> {
    scenario: &'a Scenario,
    place: Place,
    site: Site,
    identities: Identities,
    gateway: Gateway,
    crews: Vec<Crew>,
    record: Record,
    /// What the cryptography of a handshake takes.
    crypto: Duration,
    /// What it is played on.
    host: String,
    _origins: [Process; 2],
    _folder: TempDir,
}

impl<'a> Stage<'a> {
    async fn set(options: &'a Options, tell: &dyn Fn(Event<'_>)) -> Result<Self, FleetError> {
        let scenario = &options.scenario;
        let folder = tempfile::Builder::new().prefix("fleetgate-bench-").tempdir()?;
        let place = Place::make(scenario.network)?;
        place.enter()?;
        let ports = Ports {
            http_origin: server::free_address()?,
            mqtt_origin: server::free_address()?,
            metrics: server::free_address()?,
        };
        tell(Event::Stage(&format!("making certificates for {} devices", scenario.devices)));
        let mut identities = Identities::new(scenario)?;
        let mut site = Site::new(folder.path(), scenario, ports);
        site.write(&identities, &place)?;
        let trust = Trust::load(&site.server_ca())?;
        let crews = people::recruit(scenario, &place, &trust, &mut identities)?;
        for (ca, authority) in identities.authorities() {
            let fleets = scenario.fleet.iter().zip(&crews).filter(|(fleet, _)| fleet.ca == ca);
            site.revoke(ca, authority, fleets.flat_map(|(_, crew)| crew.revoked.iter().copied()))?;
        }
        let crypto = cryptography(&crews, folder.path())?;
        tell(Event::Stage("starting the gateway and its origins"));
        let origins = processes::start_origins(ports, folder.path(), scenario.has_storm()).await?;
        let gateway = Gateway::start(&options.gateway, &site, folder.path()).await?;
        let record = Record::new(crews.len());
        let host = results::describe(&options.gateway);
        Ok(Self {
            scenario,
            place,
            site,
            identities,
            gateway,
            crews,
            record,
            crypto,
            host,
            _origins: origins,
            _folder: folder,
        })
    }

    /// Sets all devices to work.
    fn begin(&mut self) -> Result<Vec<Working>, FleetError> {
        self.record = Record::new(self.crews.len());
        let squads: Vec<_> =
            self.crews.iter_mut().flat_map(|crew| std::mem::take(&mut crew.squads)).collect();
        let fleet = self.place.fleet();
        squads.into_iter().map(|squad| Ok(squad.start_apart(fleet)?)).collect()
    }

    /// Waits until all good devices are up.
    async fn arrive(&mut self, tell: &dyn Fn(Event<'_>)) -> Result<(), FleetError> {
        let deadline = Instant::now() + self.scenario.arrive + PATIENCE;
        while self.up() < self.good() {
            if Instant::now() > deadline {
                let errors = self.record.sum(|_| true, |_| true).errors();
                let (up, good) = (self.up(), self.good());
                return Err(FleetError::NotUp { up, good, seconds: PATIENCE.as_secs(), errors });
            }
            sleep(TICK).await;
            self.look(tell).await?;
        }
        Ok(())
    }

    /// Does what the scenario says, when it says so.
    async fn play(&mut self, tell: &dyn Fn(Event<'_>)) -> Result<(), FleetError> {
        let timeline = timeline(self.scenario);
        self.record.phase(if timeline.is_empty() { "run" } else { "before" }, &self.crews);
        let begun = Instant::now();
        for (at, step) in timeline {
            self.watch(begun + at, tell).await?;
            self.take(step, tell).await?;
        }
        self.watch(begun + self.scenario.run, tell).await?;
        self.record.tick(&self.crews);
        Ok(())
    }

    async fn watch(&mut self, until: Instant, tell: &dyn Fn(Event<'_>)) -> Result<(), FleetError> {
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            sleep(left.min(TICK)).await;
            if left >= TICK {
                self.look(tell).await?;
            }
        }
        Ok(())
    }

    async fn look(&mut self, tell: &dyn Fn(Event<'_>)) -> Result<(), FleetError> {
        self.glance(tell)?;
        if self.record.ticks.len().is_multiple_of(SAMPLE) {
            let sample = Sample::take(&self.gateway, self.record.now()).await;
            self.record.samples.push(sample);
        }
        Ok(())
    }

    /// The same without the gateway's memory and descriptors, which are thousands and take the kernel a while to go through.
    fn glance(&mut self, tell: &dyn Fn(Event<'_>)) -> Result<(), FleetError> {
        self.gateway.check()?;
        self.record.tick(&self.crews);
        tell(Event::Now(&self.line()));
        Ok(())
    }

    async fn take(&mut self, step: Step, tell: &dyn Fn(Event<'_>)) -> Result<(), FleetError> {
        match step {
            Step::Phase(name) => self.record.phase(name, &self.crews),
            Step::Cut(fleets) => {
                let begun = Instant::now();
                let cut = |crew: &&Crew| fleets.contains(&crew.name);
                self.crews.iter().filter(cut).for_each(|crew| crew.ledger.new_era());
                self.crews.iter().filter(cut).for_each(|crew| crew.orders.cut());
                self.wait_for_return("cut", fleets, begun, tell).await?;
            }
            Step::Restart => {
                let begun = Instant::now();
                self.crews.iter().for_each(|crew| crew.ledger.new_era());
                self.gateway.restart().await?;
                let fleets = self.crews.iter().map(|crew| crew.name.clone()).collect();
                self.wait_for_return("restart", fleets, begun, tell).await?;
            }
            Step::Revoke(fleet, share) => self.revoke(&fleet, share)?,
            Step::Trust(host, cas) => {
                self.site.trust(&host, &cas);
                self.site.configure(&self.place)?;
                self.gateway.reload().await?;
            }
            Step::Renew(fleet, share) => {
                let crew = self.crew(&fleet)?;
                crew.orders.renew_below(part(crew.serials.len(), share));
            }
        }
        Ok(())
    }

    /// Puts the first of a fleet on the CRL.
    fn revoke(&mut self, fleet: &str, share: f64) -> Result<(), FleetError> {
        let unknown = || FleetError::Unknown(fleet.to_owned());
        let crew = self.crews.iter().find(|crew| crew.name == fleet).ok_or_else(unknown)?;
        let ca = self.scenario.fleet.iter().find(|other| other.name == fleet).map(|fleet| &*fleet.ca);
        let mut authorities = self.identities.authorities();
        let (ca, authority) = authorities.find(|(name, _)| Some(*name) == ca).ok_or_else(unknown)?;
        let below = part(crew.serials.len(), share);
        // Before the gateway hears of it: whoever is refused then is refused rightly.
        crew.orders.revoke_below(below);
        self.site.revoke(ca, authority, crew.serials.iter().take(below).copied())
    }

    /// Waits until all good devices of some fleets are up again.
    async fn wait_for_return(
        &mut self,
        event: &'static str,
        fleets: Vec<String>,
        begun: Instant,
        tell: &dyn Fn(Event<'_>),
    ) -> Result<(), FleetError> {
        let affected: Vec<_> = self.crews.iter().map(|crew| fleets.contains(&crew.name)).collect();
        let count = |of: fn(&Crew) -> usize, crews: &[Crew]| -> usize {
            crews.iter().zip(&affected).filter(|(_, affected)| **affected).map(|(crew, _)| of(crew)).sum()
        };
        let devices = count(|crew| crew.good, &self.crews);
        let (phase, mut due) = (self.record.phases.len() - 1, begun + TICK);
        let took = loop {
            if count(|crew| crew.ledger.back(), &self.crews) == devices {
                break Some(begun.elapsed());
            }
            if begun.elapsed() > PATIENCE {
                break None;
            }
            sleep(LOOK).await;
            if Instant::now() >= due {
                due += TICK;
                if self.scenario.has_storm() {
                    self.glance(tell)?;
                } else {
                    self.look(tell).await?;
                }
            }
        };
        self.record.phase(&format!("after the {event}"), &self.crews);
        self.record.returns.push(Return { event, devices, took, fleets, phase });
        Ok(())
    }

    fn crew(&self, name: &str) -> Result<&Crew, FleetError> {
        let found = self.crews.iter().find(|crew| crew.name == name);
        found.ok_or_else(|| FleetError::Unknown(name.to_owned()))
    }

    fn up(&self) -> usize {
        self.crews.iter().map(|crew| crew.ledger.up()).sum()
    }

    fn good(&self) -> usize {
        self.crews.iter().map(|crew| crew.good).sum()
    }

    /// How things stand, in a line.
    fn line(&self) -> String {
        let (Some(tick), Some(phase)) = (self.record.ticks.last(), self.record.phases.last()) else {
            return String::new();
        };
        let mut line = format!(
            "{} · {} of {} up · {:.0} handshakes/s · {:.0} requests/s",
            phase.name,
            tick.up,
            self.good(),
            tick.handshakes,
            tick.requests
        );
        // Writing to a string cannot fail.
        if let (Some(p50), Some(p99)) = (tick.p50, tick.p99) {
            let _ = write!(line, " · p50 {p50:.1} ms, p99 {p99:.1} ms");
        }
        if tick.admitted > 0 {
            let _ = write!(line, " · {} ADMITTED", tick.admitted);
        }
        for (reason, count) in &tick.errors {
            let _ = write!(line, " · {count} {reason}");
        }
        line
    }
}

/// How long the cryptography of a handshake takes, both sides together, of the first good device.
fn cryptography(crews: &[Crew], folder: &Path) -> Result<Duration, FleetError> {
    let file = |name: String| folder.join(name);
    let acceptor =
        floor::acceptor(&file(pki::certificate_file(pki::SERVER)), &file(pki::key_file(pki::SERVER)))?;
    let devices = crews.iter().flat_map(|crew| &crew.squads).flat_map(|squad| &squad.members);
    let Some(device) = devices.into_iter().find(|device| device.bad.is_none()) else {
        return Ok(Duration::ZERO);
    };
    crypto::handshake(acceptor.config(), &device.connector)
}

/// The first of so many that a share is.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are small"
)]
fn part(count: usize, share: f64) -> usize {
    (count as f64 * share).round() as usize
}
