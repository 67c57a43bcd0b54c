//! All devices, from their files.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;

use tokio::task::JoinSet;

use super::device::Device;
use super::{Bad, Behaviour, Statistics};
use crate::client::{Connector, Group, Identity, LoadError, SetupError, Target, Trust};
use crate::pki;

/// What there is to know of a fleet.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder with identities.
    pub pki: PathBuf,
    /// What the gateway is verified with.
    pub ca: PathBuf,
    /// The host that devices want.
    pub host: String,
    /// How many.
    pub devices: usize,
    /// The share that should be refused, 0 to 1.
    pub bad: f64,
    /// Where the gateway is.
    pub address: SocketAddr,
    /// Where devices connect from, by turns; from anywhere when empty.
    pub sources: Vec<IpAddr>,
    /// The key exchange that they offer.
    pub group: Group,
    /// What they do.
    pub behaviour: Behaviour,
}

/// Why there is no fleet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A file cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// An identity cannot be used.
    #[error("{name}: {error}")]
    Setup {
        /// Whose.
        name: String,
        /// Why.
        error: SetupError,
    },
}

/// Devices that are ready to start.
pub struct Fleet {
    members: Vec<(Connector, Option<Bad>)>,
    address: SocketAddr,
    sources: Vec<IpAddr>,
    behaviour: Rc<Behaviour>,
}

impl Fleet {
    /// Reads all that the devices need.
    ///
    /// # Errors
    /// When a file or identity cannot be used.
    pub fn load(plan: &Plan) -> Result<Self, FleetError> {
        let trust = Trust::load(&plan.ca)?;
        let members = kinds(plan.devices, plan.bad).enumerate().map(|(number, bad)| {
            let name =
                if bad == Some(Bad::Stranger) { pki::STRANGER.to_owned() } else { pki::device(number) };
            let identity = match bad {
                Some(Bad::NoCertificate) => None,
                None | Some(Bad::Stranger | Bad::UnknownName) => Some(Identity::load(&plan.pki, &name)?),
            };
            let host = if bad == Some(Bad::UnknownName) { "unknown.invalid" } else { &plan.host };
            let connector = Connector::new(&trust, identity.as_ref(), host, plan.group)
                .map_err(|error| FleetError::Setup { name, error })?;
            Ok((connector, bad))
        });
        Ok(Self {
            members: members.collect::<Result<_, FleetError>>()?,
            address: plan.address,
            sources: plan.sources.clone(),
            behaviour: Rc::new(plan.behaviour.clone()),
        })
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many of them should be refused.
    pub fn bad(&self) -> usize {
        self.members.iter().filter(|(_, bad)| bad.is_some()).count()
    }

    /// Sets all devices to work, each as a task of the set that comes back; they stop when it is dropped.
    pub fn start(self, statistics: &Rc<Statistics>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let mut sources = self.sources.iter().copied().cycle();
        for (connector, bad) in self.members {
            let device = Device {
                connector,
                target: Target { address: self.address, source: sources.next() },
                bad,
                behaviour: Rc::clone(&self.behaviour),
                statistics: Rc::clone(statistics),
            };
            tasks.spawn_local(device.run());
        }
        tasks
    }
}

/// What each device is: `share` of them bad, evenly among the others, of all kinds by turns.
fn kinds(devices: usize, share: f64) -> impl Iterator<Item = Option<Bad>> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are small"
    )]
    let bad_up_to = move |number: usize| (number as f64 * share).round() as usize;
    let mut kinds = Bad::ALL.into_iter().cycle();
    (0..devices)
        .map(move |number| if bad_up_to(number + 1) > bad_up_to(number) { kinds.next() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_bad_devices_is_exact_and_of_all_kinds() {
        for (devices, share, bad) in [(20, 0.0, 0), (20, 0.1, 2), (20, 1.0, 20), (7, 0.5, 4), (0, 0.5, 0)] {
            assert_eq!(kinds(devices, share).flatten().count(), bad, "{devices} {share}");
        }
        let kinds: Vec<_> = kinds(6, 0.5).flatten().collect();
        assert_eq!(kinds, Bad::ALL);
    }
}
