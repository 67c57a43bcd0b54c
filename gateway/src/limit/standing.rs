//! How a connection's source stands while the connection is open.

use std::net::IpAddr;
use std::sync::Arc;

use fleetgate_ebpf::gcra::Rate;

use super::bans::Bans;
use super::reputation::{Offence, Reputation};
use super::voices::Voice;
use crate::model::hostname::HostPattern;

/// How a connection's source stands.
#[derive(Debug)]
pub struct Standing {
    source: IpAddr,
    reputation: Arc<Reputation>,
    bans: Arc<Bans>,
    /// Where its device is verified, it speaks for the source.
    _voice: Option<Voice>,
}

impl Standing {
    /// That of a connection from `source`, for which `voice` speaks.
    pub fn new(source: IpAddr, reputation: Arc<Reputation>, bans: Arc<Bans>, voice: Option<Voice>) -> Self {
        Self { source, reputation, bans, _voice: voice }
    }

    /// Notes something that a source may do at `rate`. True when that was too much.
    pub fn offended(&self, rate: &Rate, host: &HostPattern, offence: Offence) -> bool {
        self.reputation.offended(rate, self.source, Some(host), offence)
    }

    /// Whether userspace has banned the source, from everything or from `host`.
    pub fn is_banned(&self, host: &HostPattern) -> bool {
        self.bans.meets(self.source, Some(host))
    }
}
