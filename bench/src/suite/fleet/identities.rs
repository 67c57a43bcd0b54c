//! Where devices' identities come from: CAs of our own, in memory. Nothing else of the suite knows that.

use std::collections::BTreeMap;

use rcgen::KeyPair;

use super::scenario::{Fleet, Scenario};
use crate::client::Identity;
use crate::pki::{Authority, IssueError, KeyKind, Subject};
use crate::sim::Bad;

/// RSA keys take a tenth of a second each: so many are made, and used by turns.
const RSA_KEYS: usize = 16;
/// The CA of those whom nobody knows.
const STRANGERS: &str = "Strangers";

/// A device's certificate, and its serial number at its CA.
pub(super) struct Issued {
    pub(super) identity: Identity,
    pub(super) serial: u64,
}

/// The CAs of a scenario.
pub(super) struct Identities {
    authorities: BTreeMap<String, Authority>,
    strangers: Authority,
    next_serial: u64,
}

impl Identities {
    /// All CAs that a scenario names.
    pub(super) fn new(scenario: &Scenario) -> Result<Self, IssueError> {
        let of_fleets = scenario.fleet.iter().map(|fleet| &fleet.ca);
        let later = scenario.trust.iter().flat_map(|trust| &trust.cas);
        let renewed = scenario.renew.iter().map(|renew| &renew.ca);
        let mut authorities = BTreeMap::new();
        for name in of_fleets.chain(later).chain(renewed) {
            if !authorities.contains_key(name) {
                authorities.insert(name.clone(), Authority::new(name, KeyKind::P256)?);
            }
        }
        Ok(Self { authorities, strangers: Authority::new(STRANGERS, KeyKind::P256)?, next_serial: 1 })
    }

    /// Each CA by its name.
    pub(super) fn authorities(&self) -> impl Iterator<Item = (&str, &Authority)> {
        self.authorities.iter().map(|(name, authority)| (&**name, authority))
    }

    /// Identities of a fleet at a CA, in the order of its devices; `None` for those that have none.
    pub(super) fn issue(
        &mut self,
        fleet: &Fleet,
        ca: &str,
        kinds: &[Option<Bad>],
    ) -> Result<Vec<Option<Issued>>, IssueError> {
        let count = if fleet.key == KeyKind::Rsa2048 { RSA_KEYS.min(kinds.len()) } else { kinds.len() };
        let failed = |error| IssueError { name: format!("keys of the fleet `{}`", fleet.name), error };
        let keys = fleet.key.generate_many(count).map_err(failed)?;
        let devices = kinds.iter().zip(keys.iter().cycle()).enumerate();
        devices.map(|(number, (bad, key))| self.device(&device(fleet, number), ca, *bad, key)).collect()
    }

    fn device(
        &mut self,
        name: &str,
        ca: &str,
        bad: Option<Bad>,
        key: &KeyPair,
    ) -> Result<Option<Issued>, IssueError> {
        if bad == Some(Bad::NoCertificate) {
            return Ok(None);
        }
        let authority = match self.authorities.get(ca) {
            Some(authority) if bad != Some(Bad::WrongCa) => authority,
            _ => &self.strangers,
        };
        let serial = self.next_serial;
        self.next_serial += 1;
        let expired = bad == Some(Bad::Expired);
        let subject = Subject { name, serial, expired, foreign: bad == Some(Bad::WrongName) };
        Ok(Some(Issued { identity: authority.issue(&subject, key)?, serial }))
    }
}

/// A device's name: its common name, and its client identifier.
pub(super) fn device(fleet: &Fleet, number: usize) -> String {
    format!("{}-{number:05}", fleet.name.replace(' ', "-"))
}
