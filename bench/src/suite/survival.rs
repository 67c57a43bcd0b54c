//! Suite `survival`: what devices achieve while the gateway is flooded, beside what they achieve alone.
//!
//! Devices come, prove themselves, ask once and come again after a rest, more of them than the gateway is busy with: what is
//! measured is how many are served, not how fast a full gateway is.

mod attack;
mod cell;
mod defence;
mod field;
mod napi;
mod results;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::flood::Kind as Attack;
use fleetgate_namespace::NamespaceError;
use results::Cell;
pub use results::Results;

use self::defence::Defence;
use self::field::Field;
use super::stage::{Stage, StageError};
use super::{Event, Options as StageOptions, Sizes as StageSizes};
use crate::machine::Cpus;
use crate::measure::{CpuError, NotInterleaved, Run};
use crate::pki::KeyKind;
use crate::server::{Kind, StartError};
use crate::sim::FleetError;

/// Programs that it needs, each with its Debian package.
pub const TOOLS: [(&str, &str); 3] = [("ip", "iproute2"), ("ethtool", "ethtool"), ("nft", "nftables")];

/// What the suite is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The gateway's binary.
    pub gateway: PathBuf,
    /// Floods, as they take their turn.
    pub attacks: Vec<Attack>,
    /// How much of everything.
    pub sizes: Sizes,
}

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Devices, each with an address of its own.
    pub devices: u16,
    /// How long a device rests, half to one and a half times.
    pub interval: Duration,
    /// How long is measured, without an attack and with one.
    pub window: Duration,
    /// How often everything takes its turn.
    pub rounds: usize,
}

/// Why it came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SurvivalError {
    /// There is nothing to measure.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// No namespaces, or not as they should be.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// No devices.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A process is not there any more.
    #[error(transparent)]
    Process(#[from] StartError),
    /// No CPU time.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// No ratio.
    #[error(transparent)]
    NotInterleaved(#[from] NotInterleaved),
    /// Packets are not taken in where they should be.
    #[error("{0}: no thread for its packets; threaded NAPI needs Linux 5.12")]
    NoThread(String),
    /// The interface is gone.
    #[error("no counters of the flood's interface")]
    NoCounters,
    /// One CPU.
    #[error("it takes two CPUs: one for the gateway, one for devices and flood")]
    OneCpu,
    /// Files.
    #[error("cannot set up: {0}")]
    Io(#[from] io::Error),
}

impl Options {
    /// Enough for figures to hold on to, or less.
    pub fn choose(
        gateway: PathBuf,
        attacks: Option<Vec<Attack>>,
        quick: bool,
        rounds: Option<NonZeroUsize>,
    ) -> Self {
        let attacks = attacks.unwrap_or_else(|| attack::ALL.to_vec());
        let (most, window) = if quick { (1, 3) } else { (3, 6) };
        let sizes = Sizes {
            devices: 400,
            interval: Duration::from_secs(1),
            window: Duration::from_secs(window),
            rounds: rounds.map_or(most, NonZeroUsize::get),
        };
        Self { gateway, attacks, sizes }
    }
}

/// Runs the suite. It needs root, and [`TOOLS`].
///
/// # Errors
/// When anything could not be measured as it should.
pub async fn run(options: &Options, tell: &dyn Fn(Event<'_>)) -> Result<Results, SurvivalError> {
    let sizes = &options.sizes;
    let cpus = Cpus::choose().map_err(io::Error::from)?;
    if cpus.server == cpus.load {
        return Err(SurvivalError::OneCpu);
    }
    let field = Field::build(cpus)?;
    field.edge.enter()?;
    let stage_options = StageOptions {
        gateway: options.gateway.clone(),
        peers: Vec::new(),
        sizes: StageSizes { identities: sizes.devices.into(), ..StageSizes::QUICK },
    };
    let stage = Stage::empty(&[Kind::FleetgateGuarded(&[])], &[KeyKind::P256], &stage_options, tell).await?;
    let mut cells: Vec<_> = options
        .attacks
        .iter()
        .flat_map(|kind| Defence::ALL.map(|defence| Cell::new(*kind, defence)))
        .filter(|cell| cell.defence.counts_for(cell.kind))
        .collect();
    tell(Event::Steps(sizes.rounds * cells.len()));
    for round in Run::begin().rounds(sizes.rounds) {
        for cell in &mut cells {
            let step = format!("{}, {}", attack::label(cell.kind), cell.defence.label());
            tell(Event::Step(round.number(), &step));
            let outcome = cell::measure(&stage, &field, sizes, cell.kind, cell.defence).await?;
            cell.record(round, outcome);
        }
    }
    results::results(describe(&stage.description, sizes), &cells)
}

/// What it was measured on, and how.
fn describe(stage: &str, sizes: &Sizes) -> String {
    let Sizes { devices, interval, window, .. } = sizes;
    format!(
        "{stage}\n\
         {devices} devices, an address each, known to the gateway: full mTLS handshake and one request, every {interval:?} or \
         so; {window:?} alone, {window:?} under attack.\n\
         Gateway: defaults, client_auth = \"require\", one worker; XDP on: native, unknown_sni = \"drop\"; XDP off and nftables: \
         the same limits in userspace.\n\
         nftables: 50 SYNs/s a source, burst 100, at ingress. It cannot read names, and for sources that come once no limit \
         can be written.\n\
         One CPU is the gateway's and its NAPI's, the other the devices', the flood's and theirs; the flood takes what the \
         devices leave."
    )
}
