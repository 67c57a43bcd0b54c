//! `xdp.limit` in userspace: the same buckets, for when the XDP program is not there to enforce them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use fleetgate_ebpf::abi::{Address, limit_key};
use fleetgate_ebpf::gcra::Rate;

use std::net::{IpAddr, SocketAddr};

use crate::model::hostname::HostPattern;

/// Token buckets by source and by host.
#[derive(Debug)]
pub struct Limiter {
    /// The clock of the buckets starts here.
    epoch: Instant,
    /// Whether XDP is attached wherever it should be, and does this work itself.
    offloaded: AtomicBool,
    sources: DashMap<Address, u64>,
    hosts: DashMap<HostPattern, u64>,
    max_sources: usize,
    /// Shared by the sources that the table has no room for.
    overflow: AtomicU64,
    /// Nanosecond of the last sweep: at most one a second.
    swept: AtomicU64,
}

const SECOND: u64 = 1_000_000_000;

impl Limiter {
    /// A limiter that remembers `max_sources` sources at once.
    pub fn new(max_sources: u32) -> Self {
        Self {
            epoch: Instant::now(),
            offloaded: AtomicBool::new(false),
            sources: DashMap::new(),
            hosts: DashMap::new(),
            max_sources: max_sources as usize,
            overflow: AtomicU64::new(0),
            swept: AtomicU64::new(0),
        }
    }

    /// Says whether XDP enforces the limits.
    pub fn set_offloaded(&self, offloaded: bool) {
        self.offloaded.store(offloaded, Ordering::Relaxed);
    }

    /// Whether a connection from `source` is within `rate`.
    pub fn admit_source(&self, rate: &Rate, source: SocketAddr) -> bool {
        if self.is_idle(rate) {
            return true;
        }
        let now = self.now();
        let key = limit_key(&octets(source.ip()));
        if !self.sources.contains_key(&key) && self.sources.len() >= self.max_sources && !self.make_room(now) {
            return admit_atomic(&self.overflow, rate, now);
        }
        admit(&mut self.sources.entry(key).or_insert(0), rate, now)
    }

    /// Whether a hello for `host` is within `rate`.
    pub fn admit_host(&self, rate: &Rate, host: &HostPattern) -> bool {
        if self.is_idle(rate) {
            return true;
        }
        let now = self.now();
        match self.hosts.get_mut(host) {
            Some(mut tat) => admit(&mut tat, rate, now),
            None => admit(&mut self.hosts.entry(host.clone()).or_insert(0), rate, now),
        }
    }

    /// Forgets hosts that are no longer served.
    pub fn retain_hosts(&self, served: impl Fn(&HostPattern) -> bool) {
        self.hosts.retain(|host, _| served(host));
    }

    fn is_idle(&self, rate: &Rate) -> bool {
        rate.interval_ns == 0 || self.offloaded.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Forgets sources whose bucket is full again: they are as good as new. False when there was no time or no room.
    fn make_room(&self, now: u64) -> bool {
        let swept = self.swept.load(Ordering::Relaxed);
        let due = now.saturating_sub(swept) >= SECOND
            && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if due {
            self.sources.retain(|_, tat| *tat > now);
        }
        self.sources.len() < self.max_sources
    }
}

fn admit(tat: &mut u64, rate: &Rate, now: u64) -> bool {
    rate.admit(*tat, now).is_some_and(|next| {
        *tat = next;
        true
    })
}

fn admit_atomic(tat: &AtomicU64, rate: &Rate, now: u64) -> bool {
    tat.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tat| rate.admit(tat, now)).is_ok()
}

fn octets(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 4000).into()
    }

    /// One an hour: no test is slow enough to see a second one.
    fn rate(burst: u64) -> Rate {
        let interval_ns = 3600 * SECOND;
        Rate { interval_ns, tolerance_ns: interval_ns * (burst - 1) }
    }

    #[test]
    fn each_source_has_its_own_burst() {
        let limiter = Limiter::new(100);
        let admitted = (0..10).filter(|_| limiter.admit_source(&rate(3), source(1))).count();
        assert_eq!(admitted, 3);
        assert!(limiter.admit_source(&rate(3), source(2)));
    }

    #[test]
    fn a_full_table_shares_one_bucket_instead_of_growing() {
        let limiter = Limiter::new(2);
        let admitted = (0..100).filter(|host| limiter.admit_source(&rate(3), source(*host))).count();
        assert_eq!(admitted, 2 + 3);
        assert_eq!(limiter.sources.len(), 2);
    }

    #[test]
    fn xdp_takes_the_work_over() {
        let limiter = Limiter::new(100);
        limiter.set_offloaded(true);
        assert!((0..10).all(|_| limiter.admit_source(&rate(1), source(1))));
    }
}
