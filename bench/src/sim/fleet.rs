//! A squad of devices, from the files that `fleetsim pki` writes.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use super::device::{Member, Role};
use super::wire::Wire;
use super::{Bad, Ledger, Orders, Share, Squad};
use crate::client::{
    Connector, Group, Identity, LoadError, ManifestError, Profile, SetupError, Target, Trust, Version, listed,
};
use crate::pki;

/// What there is to know of a fleet.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder with identities, of `fleetsim pki` or of `fleetgate pki fleet`.
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
    /// What they ask for.
    pub path: String,
    /// What they do.
    pub role: Role,
}

/// Why there is no fleet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A file cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The list of devices cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What they have in common cannot be used.
    #[error("{0}")]
    Profile(#[source] SetupError),
    /// An identity cannot be used.
    #[error("{name}: {error}")]
    Setup {
        /// Whose.
        name: String,
        /// Why.
        error: SetupError,
    },
}

/// Reads all that the devices need.
///
/// # Errors
/// When a file or identity cannot be used.
pub fn load(plan: &Plan) -> Result<Squad, FleetError> {
    let profile = Profile::new(&Trust::load(&plan.ca)?, plan.group, Version::Any);
    let profile = profile.map_err(FleetError::Profile)?;
    let listed = listed(&plan.pki, plan.devices)?;
    let wire = Arc::new(Wire::get(&plan.host, &plan.path));
    let mut sources = plan.sources.iter().copied().cycle();
    let members = kinds(plan.devices, plan.bad, &Bad::FROM_FILES).enumerate().map(|(number, bad)| {
        Ok(Member {
            number,
            bad,
            connector: connector(plan, &profile, &files(plan, listed.as_deref(), number, bad), bad)?,
            next: None,
            wire: Arc::clone(&wire),
            target: Target { address: plan.address, source: sources.next() },
            // A fleet that was switched on at once would ask at once ever after.
            start: plan.role.every.mul_f64(fastrand::f64()),
        })
    });
    let members = members.collect::<Result<_, FleetError>>()?;
    Ok(Squad {
        role: plan.role,
        members,
        share: Share::Any,
        orders: Arc::new(Orders::default()),
        ledger: Arc::new(Ledger::default()),
    })
}

fn connector(
    plan: &Plan,
    profile: &Profile,
    (folder, name): &(PathBuf, String),
    bad: Option<Bad>,
) -> Result<Connector, FleetError> {
    let identity = match bad {
        Some(Bad::NoCertificate) => None,
        _ => Some(Identity::load(folder, name)?),
    };
    let host = if bad == Some(Bad::WrongSni) { UNKNOWN_HOST } else { &plan.host };
    let connector = Connector::of(profile, identity.as_ref(), host);
    connector.map_err(|error| FleetError::Setup { name: name.clone(), error })
}

/// Where a device's files are, and its name.
fn files(
    plan: &Plan,
    listed: Option<&[(PathBuf, String)]>,
    number: usize,
    bad: Option<Bad>,
) -> (PathBuf, String) {
    if bad == Some(Bad::WrongCa) {
        return (plan.pki.clone(), pki::STRANGER.to_owned());
    }
    let listed = listed.and_then(|listed| listed.get(number));
    listed.cloned().unwrap_or_else(|| (plan.pki.clone(), pki::device(number)))
}

/// A host that nobody serves.
pub const UNKNOWN_HOST: &str = "unknown.invalid";

/// What each device is: `share` of them bad, evenly among the others, of all kinds by turns.
pub fn kinds(devices: usize, share: f64, bad: &[Bad]) -> impl Iterator<Item = Option<Bad>> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are small"
    )]
    let bad_up_to = move |number: usize| (number as f64 * share).round() as usize;
    let mut kinds = bad.iter().copied().cycle();
    (0..devices)
        .map(move |number| if bad_up_to(number + 1) > bad_up_to(number) { kinds.next() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_bad_devices_is_exact_and_of_all_kinds() {
        let kinds = |devices, share| kinds(devices, share, &Bad::FROM_FILES);
        for (devices, share, bad) in [(20, 0.0, 0), (20, 0.1, 2), (20, 1.0, 20), (7, 0.5, 4), (0, 0.5, 0)] {
            assert_eq!(kinds(devices, share).flatten().count(), bad, "{devices} {share}");
        }
        assert_eq!(kinds(6, 0.5).flatten().collect::<Vec<_>>(), Bad::FROM_FILES);
    }
}
