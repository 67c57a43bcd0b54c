//! A scenario: devices, what they do, what happens to them, and what has to come of it. A small TOML file.

mod check;
mod expect;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::client::{Group, Version};
use crate::pki::KeyKind;
use crate::sim::{Backoff, Bad, Share, time};

pub use expect::Expect;

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// How many devices.
    pub devices: NonZeroUsize,
    /// The time in which they come.
    #[serde(with = "time")]
    pub arrive: Duration,
    /// The time that follows, in which everything happens.
    #[serde(with = "time")]
    pub run: Duration,
    /// The same in small.
    pub quick: Quick,
    /// What is between devices and gateway.
    #[serde(default)]
    pub network: Network,
    /// How hosts treat devices without a good certificate.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// The devices.
    pub fleet: Vec<Fleet>,
    /// Connections that are cut, all at once.
    #[serde(default)]
    pub cut: Vec<Cut>,
    /// A gateway that is killed and started again.
    #[serde(default)]
    pub restart: Vec<Restart>,
    /// Devices that are revoked.
    #[serde(default)]
    pub revoke: Vec<Revoke>,
    /// CAs that a host trusts from then on.
    #[serde(default)]
    pub trust: Vec<Trust>,
    /// Devices that get a certificate of another CA.
    #[serde(default)]
    pub renew: Vec<Renew>,
    /// What has to come of it.
    pub expect: Expect,
}

/// A scenario in small: to see that it works.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    /// How many devices.
    pub devices: NonZeroUsize,
    /// What becomes of every time but those of devices.
    pub times: f64,
}

/// What is between devices and gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nothing, and no limits: without XDP, userspace would count each source as one device.
    #[default]
    Loopback,
    /// A namespace each and a veth pair with XDP, and the limits of an installed gateway. Needs root.
    Namespaces,
}

/// How hosts treat devices without a good certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// The handshake succeeds, requests are denied.
    #[default]
    Access,
    /// The handshake fails.
    Require,
}

/// Devices that do the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// What it is called.
    pub name: String,
    /// Which part of all devices it is.
    pub share: f64,
    /// The host that they want.
    pub host: String,
    /// What they speak.
    #[serde(default)]
    pub protocol: Protocol,
    /// The CA that issued for them.
    pub ca: String,
    /// What they sign with.
    #[serde(default)]
    pub key: KeyKind,
    /// The versions of TLS that they offer.
    #[serde(default)]
    pub tls: Version,
    /// The key exchange that they offer.
    #[serde(default)]
    pub group: Group,
    /// Time between two reports, half to one and a half times.
    #[serde(with = "time")]
    pub every: Duration,
    /// Reports on a connection before a device makes a new one; without it, it holds what it has.
    pub reports: Option<u64>,
    /// How they come back; at once without it.
    pub backoff: Option<Backoff>,
    /// Addresses that they come from, by turns.
    #[serde(default = "one")]
    pub sources: u16,
    /// Another fleet, whose addresses they share. Else they have a network of their own.
    pub from: Option<String>,
    /// Whether those are of IPv6.
    #[serde(default)]
    pub ipv6: bool,
    /// What is wrong with them, by turns. Then all of them should be refused.
    #[serde(default)]
    pub bad: Vec<Bad>,
}

/// What devices speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1 through a host of requests.
    #[default]
    Http,
    /// MQTT 3.1.1 through a host of byte streams, with the guard.
    Mqtt,
}

/// All connections of some fleets are cut at the same time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// When, after all have come.
    #[serde(with = "time")]
    pub at: Duration,
    /// Whose.
    pub fleets: Vec<String>,
}

/// The gateway is killed, and started again with nothing in its memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// When, after all have come.
    #[serde(with = "time")]
    pub at: Duration,
}

/// Devices are put on their CA's CRL, one after the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// When it begins, after all have come.
    #[serde(with = "time")]
    pub at: Duration,
    /// How long it goes on.
    #[serde(with = "time")]
    pub over: Duration,
    /// Of which fleet.
    pub fleet: String,
    /// Which part of it.
    pub share: f64,
}

/// A host trusts other CAs, by a reload.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// When, after all have come.
    #[serde(with = "time")]
    pub at: Duration,
    /// Which host.
    pub host: String,
    /// All that it trusts from then on.
    pub cas: Vec<String>,
}

/// Devices get a certificate of another CA, and use it from their next report on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// When it begins, after all have come.
    #[serde(with = "time")]
    pub at: Duration,
    /// How long it goes on.
    #[serde(with = "time")]
    pub over: Duration,
    /// Whose.
    pub fleet: String,
    /// Of which CA.
    pub ca: String,
}

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is no such file.
    #[error("{}: {error}; scenarios are in bench/scenarios", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not TOML, or says something that has no meaning.
    #[error("{}: {error}", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// What, and where in it.
        error: Box<toml::de::Error>,
    },
    /// What it says does not fit together.
    #[error("{}: {}", path.display(), problems.join("\n"))]
    Check {
        /// Which.
        path: PathBuf,
        /// All that is wrong with it.
        problems: Vec<String>,
    },
}

impl Scenario {
    /// The scenario in a file.
    ///
    /// # Errors
    /// When it cannot be read, with the place; or does not fit together, with all that is wrong.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScenarioError::Read { path: path.to_owned(), error })?;
        Self::parse(path, &text)
    }

    /// The scenario in a text, as if it had been read from `path`.
    ///
    /// # Errors
    /// The same.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ScenarioError> {
        let path = || path.to_owned();
        let scenario: Self = toml::from_str(text)
            .map_err(|error| ScenarioError::Parse { path: path(), error: Box::new(error) })?;
        let problems = check::problems(&scenario);
        if problems.is_empty() { Ok(scenario) } else { Err(ScenarioError::Check { path: path(), problems }) }
    }

    /// The same in small.
    #[must_use]
    pub fn quick(mut self) -> Self {
        let Quick { devices, times } = self.quick;
        self.devices = devices;
        let cuts = self.cut.iter_mut().map(|cut| &mut cut.at);
        let restarts = self.restart.iter_mut().map(|restart| &mut restart.at);
        let revokes = self.revoke.iter_mut().flat_map(|revoke| [&mut revoke.at, &mut revoke.over]);
        let trusts = self.trust.iter_mut().map(|trust| &mut trust.at);
        let renews = self.renew.iter_mut().flat_map(|renew| [&mut renew.at, &mut renew.over]);
        let all = [&mut self.arrive, &mut self.run].into_iter();
        for time in all.chain(cuts).chain(restarts).chain(revokes).chain(trusts).chain(renews) {
            *time = time.mul_f64(times);
        }
        self
    }

    /// How many devices a fleet has.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are small"
    )]
    pub fn count(&self, fleet: &Fleet) -> usize {
        ((self.devices.get() as f64 * fleet.share).round() as usize).max(1)
    }

    /// Whether devices are cut off, all at once.
    pub fn has_storm(&self) -> bool {
        !self.cut.is_empty()
    }

    /// What a fleet's devices do about processors: in a storm those that come back have much to do, and the others are what
    /// it is measured by.
    pub fn share(&self, fleet: &Fleet) -> Share {
        if self.cut.iter().any(|cut| cut.fleets.contains(&fleet.name)) {
            Share::Steps
        } else if self.has_storm() {
            Share::First
        } else {
            Share::Any
        }
    }

    /// The CA that a fleet gets to in its course.
    pub fn next_ca(&self, fleet: &Fleet) -> Option<&str> {
        self.renew.iter().find(|renew| renew.fleet == fleet.name).map(|renew| &*renew.ca)
    }
}

fn one() -> u16 {
    1
}

#[cfg(test)]
mod tests;
