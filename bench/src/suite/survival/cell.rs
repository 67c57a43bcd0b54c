//! One attack against one defence: a new gateway, devices that it gets to know, what they achieve alone, and what is left of it.

use std::net::IpAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::defence::Defence;
use super::field::{Field, GATEWAY};
use super::napi::FLOOD_NICE;
use super::{Sizes, SurvivalError, attack};
use crate::client::Group;
use crate::flood::Kind;
use crate::measure::{Tree, used};
use crate::pki;
use crate::server::{HOST, Process};
use crate::sim::{self, Backoff, Ledger, Plan, Role, Summary};
use crate::suite::stage::{Server, Stage};

/// How long an attack goes on before its effect is measured: bans take up to a second.
const SETTLE: Duration = Duration::from_secs(2);
/// How devices come back after a failure: as they would, so that what is lost once costs more than once.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(10) };
/// A flood is stopped; where nobody is there to do so, it ends by itself so much later.
const SLACK: Duration = Duration::from_secs(5);

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    /// Good answers a second to devices with nothing else going on.
    pub(super) alone: f64,
    /// The same under attack, and what that took.
    pub(super) attacked: Window,
}

/// What happened in some seconds, a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Handshakes of devices whose request was answered well.
    pub(super) goodput: f64,
    /// Packets that the flood offered.
    pub(super) packets: f64,
    /// CPU time in percent: of the gateway's process,
    pub(super) gateway: f64,
    /// of the kernel's threads that take packets in for it,
    pub(super) napi: f64,
    /// of the devices,
    pub(super) devices: f64,
    /// of the flood,
    pub(super) flood: f64,
    /// and of the kernel's threads that take in the gateway's packets for both.
    pub(super) answers_napi: f64,
}

/// Counters at some moment.
struct Reading {
    at: Instant,
    answers: u64,
    packets: u64,
    gateway: Tree,
    napi: Duration,
    answers_napi: Duration,
    devices: Duration,
    flood: Option<Tree>,
}

/// Everything of one turn. It ends when this is dropped.
struct Scene<'a> {
    field: &'a Field,
    server: Server,
    ledger: Arc<Ledger>,
    flood: Option<Process>,
}

pub(super) async fn measure(
    stage: &Stage,
    field: &Field,
    sizes: &Sizes,
    kind: Kind,
    defence: Defence,
) -> Result<Outcome, SurvivalError> {
    // The gateway is there with this thread, and everything that it does from then on is in the devices' namespace.
    field.edge.enter()?;
    apply(stage, field, defence)?;
    let server = stage.start_at(defence.server(), GATEWAY.into()).await?;
    field.fleet.enter()?;
    let fleet = sim::load(&plan(stage, sizes))?;
    let ledger = Arc::clone(&fleet.ledger);
    let _devices = fleet.start();
    let mut scene = Scene { field, server, ledger, flood: None };
    // Every device is known by then, and XDP has heard of its source.
    sleep(sizes.interval * 2 + Duration::from_secs(2)).await;
    let alone = scene.window(sizes.window).await?.goodput;
    scene.flood = Some(start(stage, field, sizes, kind)?);
    sleep(SETTLE).await;
    let attacked = scene.window(sizes.window).await?;
    Ok(Outcome { alone, attacked })
}

impl Scene<'_> {
    /// What happens in the next `time`.
    async fn window(&mut self, time: Duration) -> Result<Window, SurvivalError> {
        let before = self.read()?;
        sleep(time).await;
        // One that has ended would flatter everybody.
        self.flood.as_mut().map_or(Ok(()), Process::check)?;
        self.server.process.check()?;
        self.read()?.since(&before)
    }

    fn read(&self) -> Result<Reading, SurvivalError> {
        let threads = |pids: &[i32]| pids.iter().map(|pid| used(*pid)).sum::<Result<_, _>>();
        Ok(Reading {
            at: Instant::now(),
            answers: self.ledger.counts().requests,
            packets: self.field.offered()?,
            gateway: Tree::of(self.server.process.id())?,
            napi: threads(&self.field.napi)?,
            answers_napi: threads(&self.field.answers_napi)?,
            devices: used(0)?,
            flood: self.flood.as_ref().map(|flood| Tree::of(flood.id())).transpose()?,
        })
    }
}

impl Reading {
    fn since(&self, before: &Self) -> Result<Window, SurvivalError> {
        let time = self.at - before.at;
        let percent = |used: Duration| 100.0 * used.as_secs_f64() / time.as_secs_f64();
        let flood = match (&self.flood, &before.flood) {
            (Some(after), Some(before)) => after.since(before)?,
            _ => Duration::ZERO,
        };
        Ok(Window {
            goodput: Summary::rate(self.answers - before.answers, time),
            packets: Summary::rate(self.packets - before.packets, time),
            gateway: percent(self.gateway.since(&before.gateway)?),
            napi: percent(self.napi.saturating_sub(before.napi)),
            devices: percent(self.devices.saturating_sub(before.devices)),
            flood: percent(flood),
            answers_napi: percent(self.answers_napi.saturating_sub(before.answers_napi)),
        })
    }
}

/// Devices of one connection and one request each, which then come again.
fn plan(stage: &Stage, sizes: &Sizes) -> Plan {
    let sources = (0..sizes.devices).map(|number| IpAddr::from(Field::device(number)));
    Plan {
        pki: stage.pki(),
        ca: stage.pki().join(pki::certificate_file(pki::SERVER_CA)),
        host: HOST.to_owned(),
        devices: sizes.devices.into(),
        bad: 0.0,
        address: GATEWAY.into(),
        sources: sources.collect(),
        group: Group::X25519,
        path: "/bytes/1".to_owned(),
        role: Role { every: sizes.interval, reports: Some(1), backoff: Some(BACKOFF) },
    }
}

/// Rules of nftables for the gateway's namespace.
fn apply(stage: &Stage, field: &Field, defence: Defence) -> Result<(), SurvivalError> {
    let path = stage.folder().join("rules.nft");
    std::fs::write(&path, defence.rules())?;
    let mut command = Command::new("nft");
    command.arg("-f").arg(path);
    field.edge.finish(command, "nft -f rules.nft")?;
    Ok(())
}

/// A flood, which takes what the devices leave of the CPU that it shares with them.
fn start(stage: &Stage, field: &Field, sizes: &Sizes, kind: Kind) -> Result<Process, SurvivalError> {
    // Whoever runs all of this at a priority in real time does not mean the flood.
    let mut command = Command::new("chrt");
    command.args(["--other", "0", "nice", "-n", &FLOOD_NICE.to_string()]).arg(stage.own()).args([
        "flood",
        "--kind",
        &attack::word(kind),
    ]);
    command.args(["--target", &GATEWAY.to_string(), "--host", HOST]);
    command.args(["--rate", &attack::rate(kind).to_string()]);
    command.args(["--for", &format!("{}ms", (SETTLE + sizes.window + SLACK).as_millis())]);
    command.arg("--pki").arg(stage.pki());
    field.outside.adopt(&mut command);
    Ok(Process::start("the flood", command, stage.cpus.load, &stage.folder().join("flood.log"))?)
}
