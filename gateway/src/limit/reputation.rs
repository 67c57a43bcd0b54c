//! What is known of sources: verified devices speak for one, evidence speaks against it.
//!
//! Workers write here; once a second the control side takes what has come together, and bans.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;
use fleetgate_ebpf::gcra::Rate;

use super::buckets::admit;
use super::table::Table;
use super::voices::{Voice, Voices};
use super::who::source_key;
use crate::device::Device;
use crate::model::hostname::HostPattern;

/// Offenders that wait to be taken.
const MAX_OFFENDERS: usize = 4096;

/// What is remembered of sources, each table bounded.
#[derive(Debug)]
pub struct Reputation {
    epoch: Instant,
    voices: Arc<Voices>,
    evidence: Table<(IpAddr, Option<HostPattern>, Offence), u64>,
    offenders: DashMap<Offender, ()>,
}

/// What a source did too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offence {
    /// Handshakes that failed.
    Handshakes,
    /// Certificates that were refused.
    Certificates,
    /// Names that nobody serves.
    Names,
    /// Requests that were refused.
    Requests,
}

/// Who did what too often.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Offender {
    /// Who: an IPv4 address, or the first of an IPv6 /64.
    pub source: IpAddr,
    /// Towards which host; none means that no host was concerned.
    pub host: Option<HostPattern>,
    /// What.
    pub offence: Offence,
}

impl Reputation {
    /// One that remembers so many sources at once, in each of its tables.
    pub fn new(max: u32) -> Self {
        Self {
            epoch: Instant::now(),
            voices: Voices::new(max),
            evidence: Table::new(max),
            offenders: DashMap::new(),
        }
    }

    /// A handshake was completed. A verified device speaks for its source as long as what is returned is kept.
    pub fn completed(&self, source: SocketAddr, device: &Device) -> Option<Voice> {
        self.voices.speak(limited(source.ip()), device.verified()?.identity.fingerprint)
    }

    /// A source did something that it may do at `rate`. True when that was too much: it is an offender. One that verified
    /// devices speak for is none.
    pub fn offended(
        &self,
        rate: &Rate,
        source: IpAddr,
        host: Option<&HostPattern>,
        offence: Offence,
    ) -> bool {
        let source = limited(source);
        if self.voices.speaks_for(source) || self.admit(rate, source, host, offence) {
            return false;
        }
        // Beyond the bound: the next time brings it again.
        if self.offenders.len() < MAX_OFFENDERS {
            self.offenders.insert(Offender { source, host: host.cloned(), offence }, ());
        }
        true
    }

    /// Whether a verified device speaks for a source.
    pub fn speaks_for(&self, source: IpAddr) -> bool {
        self.voices.speaks_for(limited(source))
    }

    /// Sources with verified devices that are new, or have more of them, and how many they have.
    pub fn take_verified(&self) -> Vec<(IpAddr, u64)> {
        self.voices.take_news()
    }

    /// Those who did something too often since the last time, and whom nobody speaks for by now.
    pub fn take_offenders(&self) -> Vec<Offender> {
        let mut offenders: Vec<_> = self.offenders.iter().map(|offender| offender.key().clone()).collect();
        for offender in &offenders {
            self.offenders.remove(offender);
        }
        offenders.retain(|offender| !self.voices.speaks_for(offender.source));
        offenders
    }

    fn admit(&self, rate: &Rate, source: IpAddr, host: Option<&HostPattern>, offence: Offence) -> bool {
        if rate.interval_ns == 0 {
            return true;
        }
        let now = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // For whom there is no room nothing is held against.
        let entry = self.evidence.entry((source, host.cloned(), offence), now);
        entry.is_none_or(|mut tat| admit(&mut tat, rate, now))
    }
}

/// The address of a limit: an IPv4 address, or the first of an IPv6 /64.
fn limited(source: IpAddr) -> IpAddr {
    source_key(source).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: u8) -> IpAddr {
        [192, 0, 2, host].into()
    }

    /// One an hour: no test is slow enough to see another.
    fn rate(burst: u64) -> Rate {
        let interval_ns = 3_600_000_000_000;
        Rate { interval_ns, tolerance_ns: interval_ns * (burst - 1) }
    }

    /// How often `host` was beyond `rate`.
    fn offend(reputation: &Reputation, rate: &Rate, host: u8, times: usize) -> usize {
        (0..times).filter(|_| reputation.offended(rate, source(host), None, Offence::Names)).count()
    }

    #[test]
    fn a_source_beyond_what_is_borne_is_an_offender_once_until_taken() {
        let reputation = Reputation::new(100);
        assert_eq!(offend(&reputation, &rate(3), 1, 3), 0);
        assert_eq!(reputation.take_offenders(), []);
        assert_eq!(offend(&reputation, &rate(3), 1, 5), 5);
        let expected = Offender { source: source(1), host: None, offence: Offence::Names };
        assert_eq!(reputation.take_offenders(), [expected]);
        assert_eq!(reputation.take_offenders(), []);
        assert_eq!(offend(&reputation, &rate(3), 2, 3), 0);
        assert_eq!(reputation.take_offenders(), [], "another source has its own account");
    }

    #[test]
    fn each_host_and_each_offence_has_an_account_of_its_own() {
        let reputation = Reputation::new(100);
        let hosts = ["a.example", "b.example"].map(|name| name.parse::<HostPattern>().unwrap());
        let beyond = |host, offence| reputation.offended(&rate(1), source(1), Some(host), offence);
        for host in &hosts {
            assert!(!beyond(host, Offence::Requests) && !beyond(host, Offence::Certificates));
        }
        assert!(beyond(&hosts[1], Offence::Requests));
        let expected =
            Offender { source: source(1), host: Some(hosts[1].clone()), offence: Offence::Requests };
        assert_eq!(reputation.take_offenders(), [expected]);
    }

    #[test]
    fn a_rate_that_is_off_holds_nothing_against_anybody() {
        let reputation = Reputation::new(100);
        assert_eq!(offend(&reputation, &Rate::UNLIMITED, 1, 100), 0);
        assert_eq!(reputation.take_offenders(), []);
        assert!(reputation.evidence.is_empty());
    }

    #[test]
    fn a_full_table_remembers_no_more_and_offenders_are_bounded() {
        let reputation = Reputation::new(2);
        for host in 0..10 {
            offend(&reputation, &rate(1), host, 1);
        }
        assert_eq!(reputation.evidence.len(), 2);
        let reputation = Reputation::new(u32::MAX);
        for number in 0..MAX_OFFENDERS + 10 {
            let source = std::net::Ipv4Addr::from(u32::try_from(number).unwrap());
            for _ in 0..2 {
                reputation.offended(&rate(1), source.into(), None, Offence::Names);
            }
        }
        assert_eq!(reputation.take_offenders().len(), MAX_OFFENDERS);
    }

    #[test]
    fn an_ipv6_offender_is_its_64() {
        let reputation = Reputation::new(100);
        for last in ["1", "2"] {
            let source = format!("2001:db8::{last}").parse().unwrap();
            reputation.offended(&rate(1), source, None, Offence::Names);
        }
        assert_eq!(reputation.take_offenders()[0].source, "2001:db8::".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn whom_a_verified_device_speaks_for_is_no_offender_not_even_afterwards() {
        let reputation = Reputation::new(100);
        assert_eq!(offend(&reputation, &rate(1), 1, 3), 2);
        let voice = reputation.voices.speak(source(1), crate::device::identity::Fingerprint([1; 32]));
        assert_eq!(offend(&reputation, &rate(1), 1, 3), 0);
        assert_eq!(reputation.take_offenders(), [], "what it did before it was known is forgiven");
        drop(voice);
        assert_eq!(offend(&reputation, &rate(1), 1, 3), 0);
    }
}
