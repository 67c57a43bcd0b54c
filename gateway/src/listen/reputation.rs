//! What handshakes say about their sources: verified devices speak for one, failures against it.
//!
//! Workers write here; once a second the control side takes what has come together and tells the XDP program.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use fleetgate_ebpf::abi::limit_key;
use fleetgate_ebpf::gcra::Rate;

use crate::config::Evidence;
use crate::device::Device;
use crate::device::identity::Fingerprint;
use crate::limit::{Table, admit};
use crate::model::hostname::HostPattern;
use crate::tls::HandshakeError;

/// How long a verified device keeps its source from being banned on evidence.
const SPEAKS_FOR: Duration = Duration::from_hours(1);
/// Distinct devices of one source that are counted: its limits rise that far.
const MAX_DEVICES: usize = 1024;
/// Offenders that wait to be taken.
const MAX_OFFENDERS: usize = 4096;

/// What is remembered of sources, each table bounded.
#[derive(Debug)]
pub struct Reputation {
    epoch: Instant,
    max: usize,
    verified: DashMap<IpAddr, Known>,
    /// Of all sources together: as many as there may be sources.
    devices: AtomicUsize,
    /// Second of the last sweep of `verified`: at most one a second, however many come.
    swept: AtomicU64,
    evidence: Table<(IpAddr, Option<HostPattern>, Offence), u64>,
    offenders: DashMap<Offender, ()>,
}

#[derive(Debug)]
struct Known {
    devices: HashSet<Fingerprint>,
    /// When the last one came.
    at: Instant,
    /// Whether the XDP program has not heard of it.
    is_news: bool,
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
            max: max as usize,
            verified: DashMap::new(),
            devices: AtomicUsize::new(0),
            swept: AtomicU64::new(0),
            evidence: Table::new(max),
            offenders: DashMap::new(),
        }
    }

    /// A handshake was completed.
    pub fn completed(&self, source: SocketAddr, device: &Device) {
        let Device::Verified(device) = device else { return };
        let source = limited(source.ip());
        if self.verified.len() >= self.max && !self.verified.contains_key(&source) && !self.make_room() {
            return;
        }
        let mut known = self.verified.entry(source).or_insert_with(|| Known {
            devices: HashSet::new(),
            at: Instant::now(),
            is_news: true,
        });
        known.at = Instant::now();
        let has_room = known.devices.len() < MAX_DEVICES && self.devices.load(Ordering::Relaxed) < self.max;
        if has_room && known.devices.insert(device.identity.fingerprint) {
            self.devices.fetch_add(1, Ordering::Relaxed);
            known.is_news = true;
        }
    }

    /// Forgets sources that have been quiet for long. False when there was no time or no room.
    fn make_room(&self) -> bool {
        let (now, swept) = (self.epoch.elapsed().as_secs() + 1, self.swept.load(Ordering::Relaxed));
        let due = now > swept
            && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if due {
            self.verified.retain(|_, known| {
                let stays = known.at.elapsed() < SPEAKS_FOR;
                if !stays {
                    self.devices.fetch_sub(known.devices.len(), Ordering::Relaxed);
                }
                stays
            });
        }
        self.verified.len() < self.max
    }

    /// A handshake failed. Too many, and the source is an offender; one that verified devices speak for is not.
    pub fn failed(&self, wanted: &Evidence, source: SocketAddr, error: &HandshakeError) {
        let Some((host, offence)) = offence(error) else { return };
        let rate = match offence {
            Offence::Handshakes => &wanted.handshakes,
            Offence::Certificates => &wanted.certificates,
            Offence::Names => &wanted.names,
        };
        let source = limited(source.ip());
        if !self.is_spoken_for(source) && !self.admit(rate, source, host.clone(), offence) {
            // Beyond the bound: the next failure brings it again.
            if self.offenders.len() < MAX_OFFENDERS {
                self.offenders.insert(Offender { source, host, offence }, ());
            }
        }
    }

    /// Sources with verified devices that are new, or have more of them, and how many they have.
    pub fn take_verified(&self) -> Vec<(IpAddr, u64)> {
        let news = self.verified.iter_mut().filter(|known| known.is_news).map(|mut known| {
            known.is_news = false;
            (*known.key(), known.devices.len().max(1) as u64)
        });
        news.collect()
    }

    /// Those who did something too often since the last time.
    pub fn take_offenders(&self) -> Vec<Offender> {
        let offenders: Vec<_> = self.offenders.iter().map(|offender| offender.key().clone()).collect();
        for offender in &offenders {
            self.offenders.remove(offender);
        }
        offenders
    }

    fn is_spoken_for(&self, source: IpAddr) -> bool {
        self.verified.get(&source).is_some_and(|known| known.at.elapsed() < SPEAKS_FOR)
    }

    fn admit(&self, rate: &Rate, source: IpAddr, host: Option<HostPattern>, offence: Offence) -> bool {
        if rate.interval_ns == 0 {
            return true;
        }
        let now = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // For whom there is no room nothing is held against.
        self.evidence.entry((source, host, offence), now).is_none_or(|mut tat| admit(&mut tat, rate, now))
    }
}

/// What a failure says, and about which host. A peer that just goes away says nothing.
fn offence(error: &HandshakeError) -> Option<(Option<HostPattern>, Offence)> {
    match error {
        HandshakeError::NoSni | HandshakeError::UnknownSni => Some((None, Offence::Names)),
        HandshakeError::Handshake { host, device: Device::Refused(_), .. } => {
            Some((Some(host.pattern.clone()), Offence::Certificates))
        }
        HandshakeError::Handshake { host, error, .. } if error.kind() == std::io::ErrorKind::InvalidData => {
            Some((Some(host.pattern.clone()), Offence::Handshakes))
        }
        HandshakeError::Hello(_)
        | HandshakeError::Timeout
        | HandshakeError::Limited(_)
        | HandshakeError::Handshake { .. } => None,
    }
}

/// The address of a limit: an IPv4 address, or the first of an IPv6 /64.
fn limited(source: IpAddr) -> IpAddr {
    limit_key(&source.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 4000).into()
    }

    /// One an hour: no test is slow enough to see another.
    fn wanted(burst: u64) -> Evidence {
        let interval_ns = 3_600_000_000_000;
        Evidence {
            names: Rate { interval_ns, tolerance_ns: interval_ns * (burst - 1) },
            ..Evidence::default()
        }
    }

    fn fail(reputation: &Reputation, wanted: &Evidence, host: u8, times: usize) {
        for _ in 0..times {
            reputation.failed(wanted, source(host), &HandshakeError::UnknownSni);
        }
    }

    #[test]
    fn a_source_beyond_what_is_borne_is_an_offender_once_until_taken() {
        let reputation = Reputation::new(100);
        fail(&reputation, &wanted(3), 1, 3);
        assert_eq!(reputation.take_offenders(), []);
        fail(&reputation, &wanted(3), 1, 5);
        let expected = Offender { source: source(1).ip(), host: None, offence: Offence::Names };
        assert_eq!(reputation.take_offenders(), [expected]);
        assert_eq!(reputation.take_offenders(), []);
        fail(&reputation, &wanted(3), 2, 3);
        assert_eq!(reputation.take_offenders(), [], "another source has its own account");
    }

    #[test]
    fn who_goes_away_or_is_limited_offends_nobody_and_off_is_off() {
        let reputation = Reputation::new(100);
        let gone = || HandshakeError::Hello(std::io::ErrorKind::ConnectionReset.into());
        for error in [gone(), HandshakeError::Timeout, HandshakeError::Limited("hello_per_source")] {
            reputation.failed(&wanted(1), source(1), &error);
            reputation.failed(&wanted(1), source(1), &error);
        }
        let off = Evidence { names: Rate::UNLIMITED, ..Evidence::default() };
        fail(&reputation, &off, 1, 100);
        assert_eq!(reputation.take_offenders(), []);
        assert!(reputation.evidence.is_empty());
    }

    #[test]
    fn a_full_table_remembers_no_more() {
        let reputation = Reputation::new(2);
        for host in 0..10 {
            fail(&reputation, &wanted(1), host, 1);
        }
        assert_eq!(reputation.evidence.len(), 2);
    }

    #[test]
    fn an_ipv6_offender_is_its_64() {
        let reputation = Reputation::new(100);
        for last in ["1", "2"] {
            let source = format!("[2001:db8::{last}]:1").parse().unwrap();
            reputation.failed(&wanted(1), source, &HandshakeError::NoSni);
        }
        assert_eq!(reputation.take_offenders()[0].source, "2001:db8::".parse::<IpAddr>().unwrap());
    }
}
