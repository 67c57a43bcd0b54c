//! The devices of a scenario, ready to start.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use super::FleetError;
use super::identities::{self, Identities, Issued};
use super::place::Place;
use super::scenario::{Fleet, Protocol, Scenario};
use crate::client::{Connector, Profile, Target, Trust};
use crate::sim::{self, Bad, Ledger, Member, Orders, Role, Share, Squad, UNKNOWN_HOST, Wire};

/// Devices that one thread has, as long as there are CPUs for more of them.
const ON_A_THREAD: usize = 2_000;
/// What devices report.
const REPORT: &str = r#"{"temperature":21.5,"humidity":0.43,"battery":3.71,"uptime":86400}"#;

/// A fleet that is ready to start.
pub(super) struct Crew {
    /// What the scenario calls it.
    pub(super) name: String,
    /// Devices that should be served.
    pub(super) good: usize,
    /// All of its devices, on a thread or several.
    pub(super) squads: Vec<Squad>,
    pub(super) orders: Arc<Orders>,
    pub(super) ledger: Arc<Ledger>,
    /// Serial numbers at its CA, in the order of its devices.
    pub(super) serials: Vec<u64>,
    /// Those that are on the CRL from the beginning.
    pub(super) revoked: Vec<u64>,
}

/// All fleets of a scenario.
pub(super) fn recruit(
    scenario: &Scenario,
    place: &Place,
    trust: &Trust,
    identities: &mut Identities,
) -> Result<Vec<Crew>, FleetError> {
    let blocks: BTreeMap<_, _> =
        scenario.fleet.iter().zip(0_u8..).map(|(fleet, block)| (&*fleet.name, block)).collect();
    let mut crews = Vec::new();
    for fleet in &scenario.fleet {
        let block = fleet.from.as_ref().unwrap_or(&fleet.name);
        let recruiter = Recruiter {
            fleet,
            profile: Profile::new(trust, fleet.group, fleet.tls)?,
            block: blocks.get(&**block).copied().unwrap_or_default(),
            place,
            arrive: scenario.arrive,
            share: scenario.share(fleet),
        };
        let kinds = kinds(fleet, scenario.count(fleet));
        let first = identities.issue(fleet, &fleet.ca, &kinds)?;
        let next = match scenario.next_ca(fleet) {
            Some(ca) => identities.issue(fleet, ca, &kinds)?,
            None => Vec::new(),
        };
        crews.push(recruiter.crew(&kinds, &first, &next)?);
    }
    Ok(crews)
}

/// What is wrong with each device.
fn kinds(fleet: &Fleet, count: usize) -> Vec<Option<Bad>> {
    let share = if fleet.bad.is_empty() { 0.0 } else { 1.0 };
    sim::kinds(count, share, &fleet.bad).collect()
}

struct Recruiter<'a> {
    fleet: &'a Fleet,
    profile: Profile,
    block: u8,
    place: &'a Place,
    arrive: Duration,
    share: Share,
}

impl Recruiter<'_> {
    fn crew(
        &self,
        kinds: &[Option<Bad>],
        first: &[Option<Issued>],
        next: &[Option<Issued>],
    ) -> Result<Crew, FleetError> {
        let Fleet { every, reports, backoff, .. } = *self.fleet;
        let role = Role { every, reports, backoff };
        let (orders, ledger) = (Arc::new(Orders::default()), Arc::new(Ledger::default()));
        let squad = || Squad {
            role,
            members: Vec::new(),
            share: self.share,
            orders: Arc::clone(&orders),
            ledger: Arc::clone(&ledger),
        };
        let threads = threads(kinds.len());
        let mut squads: Vec<_> = (0..threads).map(|_| squad()).collect();
        let wires =
            [&self.fleet.host, UNKNOWN_HOST].map(|host| Arc::new(Wire::post(host, "/telemetry", REPORT)));
        let none = std::iter::repeat(&None);
        let issued = kinds.iter().zip(first).zip(next.iter().chain(none)).enumerate();
        for (number, ((bad, first), next)) in issued {
            let member = self.member(number, *bad, first.as_ref(), next.as_ref(), &wires)?;
            let member = Member { start: self.start(number, kinds.len()), ..member };
            if let Some(squad) = squads.get_mut(number % threads) {
                squad.members.push(member);
            }
        }
        let serial = |issued: &Option<Issued>| issued.as_ref().map(|issued| issued.serial);
        let revoked = kinds.iter().zip(first).filter(|(bad, _)| **bad == Some(Bad::Revoked));
        Ok(Crew {
            name: self.fleet.name.clone(),
            good: kinds.iter().filter(|bad| bad.is_none()).count(),
            serials: first.iter().filter_map(serial).collect(),
            revoked: revoked.filter_map(|(_, issued)| serial(issued)).collect(),
            squads,
            orders,
            ledger,
        })
    }

    fn member(
        &self,
        number: usize,
        bad: Option<Bad>,
        first: Option<&Issued>,
        next: Option<&Issued>,
        [usual, elsewhere]: &[Arc<Wire>; 2],
    ) -> Result<Member, FleetError> {
        let wire = match self.fleet.protocol {
            Protocol::Http if bad == Some(Bad::WrongHost) => Arc::clone(elsewhere),
            Protocol::Http => Arc::clone(usual),
            Protocol::Mqtt => Arc::new(self.mqtt(number)),
        };
        let host = if bad == Some(Bad::WrongSni) { UNKNOWN_HOST } else { &self.fleet.host };
        let connector = |issued: Option<&Issued>| {
            Connector::of(&self.profile, issued.map(|issued| &issued.identity), host)
        };
        Ok(Member {
            number,
            bad,
            connector: connector(first)?,
            next: next.map(|next| connector(Some(next))).transpose()?,
            wire,
            target: self.target(number),
            start: Duration::ZERO,
        })
    }

    fn mqtt(&self, number: usize) -> Wire {
        let name = identities::device(self.fleet, number);
        Wire::mqtt(&name, &format!("telemetry/{name}"), REPORT, self.fleet.every * 4)
    }

    fn target(&self, number: usize) -> Target {
        let turn = u16::try_from(number % usize::from(self.fleet.sources)).unwrap_or_default();
        let [v4, v6] = self.place.listens();
        let source = self.place.source(self.block, turn, self.fleet.ipv6);
        Target { address: if self.fleet.ipv6 { v6 } else { v4 }, source: Some(source) }
    }

    /// Devices come one after the other, those of all fleets among each other.
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    fn start(&self, number: usize, count: usize) -> Duration {
        self.arrive.mul_f64((number as f64 + fastrand::f64()) / count as f64)
    }
}

fn threads(devices: usize) -> usize {
    let cpus = available_parallelism().map_or(1, NonZeroUsize::get);
    devices.div_ceil(ON_A_THREAD).clamp(1, cpus)
}
