//! `xdp.limit` in userspace: the same buckets, for when the XDP program is not there to enforce them; and how sources stand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use fleetgate_ebpf::abi::Address;
use fleetgate_ebpf::gcra::Rate;

use std::net::SocketAddr;

use crate::config::Xdp;
use crate::limit::{Bans, Buckets, Reputation, admit, admit_atomic, source_key};
use crate::model::hostname::HostPattern;

/// How a connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// From the device itself.
    Device,
    /// Through a balancer, which XDP sees in its place.
    Proxy,
}

/// Token buckets by source and by host.
#[derive(Debug)]
pub struct Limiter {
    /// The clock of the buckets starts here.
    epoch: Instant,
    /// Whether XDP is attached wherever it should be, and does this work itself.
    offloaded: AtomicBool,
    syns: Buckets<Address>,
    hellos: Buckets<Address>,
    hosts: DashMap<HostPattern, u64>,
    /// Of all sources without a verified device.
    all_syns: AtomicU64,
    all_hellos: AtomicU64,
    /// How sources stand whose packets XDP sees.
    pub direct: Arc<Reputation>,
    /// How those stand that a balancer names. XDP hears of neither good nor bad of them.
    pub proxied: Arc<Reputation>,
    /// Bans that userspace enforces.
    pub bans: Arc<Bans>,
}

impl Limiter {
    /// A limiter that remembers `max_sources` sources at once, for each of the limits, and `max_bans` bans.
    pub fn new(max_sources: u32, max_bans: u32) -> Self {
        Self {
            epoch: Instant::now(),
            offloaded: AtomicBool::new(false),
            syns: Buckets::new(max_sources),
            hellos: Buckets::new(max_sources),
            hosts: DashMap::new(),
            all_syns: AtomicU64::new(0),
            all_hellos: AtomicU64::new(0),
            direct: Arc::new(Reputation::new(max_sources)),
            proxied: Arc::new(Reputation::new(max_sources)),
            bans: Arc::new(Bans::new(max_bans)),
        }
    }

    /// Where it is remembered how sources stand.
    pub fn reputation(&self, via: Via) -> &Arc<Reputation> {
        match via {
            Via::Device => &self.direct,
            Via::Proxy => &self.proxied,
        }
    }

    /// Says whether XDP enforces the limits.
    pub fn set_offloaded(&self, offloaded: bool) {
        self.offloaded.store(offloaded, Ordering::Relaxed);
    }

    /// What a connection from `source` comes up against: a ban, `xdp.deny`, or a limit, by its key. Who is allowed spends
    /// nothing of what others share.
    pub fn refuses(&self, config: &Xdp, source: SocketAddr, via: Via) -> Option<&'static str> {
        let limits = &config.limit;
        if config.is_allowed(source.ip()) {
            None
        } else if self.bans.meets(source.ip(), None) {
            Some("ban")
        } else if !self.is_offloaded(via) && config.is_denied(source.ip()) {
            Some("deny")
        } else if !self.admit_source(&self.syns, &limits.syn_per_source, source, via) {
            Some("syn_per_source")
        } else if !self.admit_total(&self.all_syns, &limits.syn_total, source, via) {
            Some("syn_total")
        } else {
            None
        }
    }

    /// What its hello for `host` comes up against.
    pub fn refuses_hello(
        &self,
        config: &Xdp,
        source: SocketAddr,
        host: &HostPattern,
        via: Via,
    ) -> Option<&'static str> {
        let limits = &config.limit;
        if config.is_allowed(source.ip()) {
            None
        } else if self.bans.meets(source.ip(), Some(host)) {
            Some("ban")
        } else if !self.admit_source(&self.hellos, &limits.hello_per_source, source, via) {
            Some("hello_per_source")
        } else if !self.admit_total(&self.all_hellos, &limits.hello_total, source, via) {
            Some("hello_total")
        } else if !self.admit_host(&limits.hello_per_host, host, via) {
            Some("hello_per_host")
        } else {
            None
        }
    }

    fn admit_source(&self, buckets: &Buckets<Address>, rate: &Rate, source: SocketAddr, via: Via) -> bool {
        self.is_idle(rate, via) || buckets.admit(rate, source_key(source.ip()), self.now())
    }

    /// XDP counts what comes through a balancer among all others.
    fn admit_total(&self, tat: &AtomicU64, rate: &Rate, source: SocketAddr, via: Via) -> bool {
        self.is_idle(rate, Via::Device)
            || self.reputation(via).speaks_for(source.ip())
            || admit_atomic(tat, rate, self.now()).is_ok()
    }

    fn admit_host(&self, rate: &Rate, host: &HostPattern, via: Via) -> bool {
        if self.is_idle(rate, via) {
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

    fn is_idle(&self, rate: &Rate, via: Via) -> bool {
        rate.interval_ns == 0 || self.is_offloaded(via)
    }

    /// Whether XDP has seen to whoever comes this way.
    fn is_offloaded(&self, via: Via) -> bool {
        via == Via::Device && self.offloaded.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::device::Device;
    use crate::device::tests::verified;

    const SECOND: u64 = 1_000_000_000;

    fn source(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 4000).into()
    }

    /// One an hour: no test is slow enough to see a second one.
    fn rate(burst: u64) -> Rate {
        let interval_ns = 3600 * SECOND;
        Rate { interval_ns, tolerance_ns: interval_ns * (burst - 1) }
    }

    fn syn(limiter: &Limiter, burst: u64, source: SocketAddr, via: Via) -> bool {
        limiter.admit_source(&limiter.syns, &rate(burst), source, via)
    }

    fn config(limit: Limits) -> Xdp {
        Xdp { limit, ..Xdp::default() }
    }

    #[test]
    fn each_source_has_its_own_burst() {
        let limiter = Limiter::new(100, 10);
        let admitted = (0..10).filter(|_| syn(&limiter, 3, source(1), Via::Device)).count();
        assert_eq!(admitted, 3);
        assert!(syn(&limiter, 3, source(2), Via::Device));
    }

    #[test]
    fn a_full_table_shares_one_bucket_instead_of_growing() {
        let limiter = Limiter::new(2, 10);
        let admitted = (0..100).filter(|host| syn(&limiter, 3, source(*host), Via::Device)).count();
        assert_eq!(admitted, 2 + 3);
        assert_eq!(limiter.syns.len(), 2);
    }

    #[test]
    fn connections_and_hellos_of_a_source_have_a_bucket_each() {
        let limiter = Limiter::new(100, 10);
        let admitted = (0..10).filter(|_| syn(&limiter, 3, source(1), Via::Device)).count();
        let hellos = (0..10)
            .filter(|_| limiter.admit_source(&limiter.hellos, &rate(5), source(1), Via::Device))
            .count();
        assert_eq!((admitted, hellos), (3, 5));
    }

    #[test]
    fn a_source_is_an_ipv4_address_however_written_or_an_ipv6_64() {
        let admitted = |first: &str, second: &str| {
            let limiter = Limiter::new(100, 10);
            [first, second]
                .map(|address| syn(&limiter, 1, SocketAddr::new(address.parse().unwrap(), 1), Via::Device))
        };
        assert_eq!(admitted("192.0.2.1", "192.0.2.2"), [true, true]);
        assert_eq!(admitted("192.0.2.1", "::ffff:192.0.2.1"), [true, false]);
        assert_eq!(admitted("2001:db8::1", "2001:db8::ffff:0:0:2"), [true, false]);
        assert_eq!(admitted("2001:db8::1", "2001:db8:0:1::1"), [true, true]);
    }

    #[test]
    fn a_full_table_makes_room_when_buckets_have_filled_again_and_looks_once_a_second() {
        let sources = Buckets::new(2);
        let rate = Rate::per_second(1, 1);
        let admit = |host, now| sources.admit(&rate, source_key(source(host).ip()), now);
        assert!(admit(1, SECOND) && admit(2, SECOND));
        assert!(admit(3, SECOND) && !admit(4, SECOND), "they share what is over");
        assert_eq!(sources.len(), 2);
        assert!(admit(5, 3 * SECOND));
        assert_eq!(sources.len(), 1, "the two before are as good as new");
        assert!(admit(6, 3 * SECOND) && admit(7, 3 * SECOND) && !admit(8, 3 * SECOND));
        assert_eq!(sources.len(), 2, "and no second look within the second");
    }

    #[test]
    fn each_host_has_its_own_burst_and_is_forgotten_when_no_longer_served() {
        let limiter = Limiter::new(1, 10);
        let [first, second] = ["a.example", "*.b.example"].map(|name| name.parse::<HostPattern>().unwrap());
        let burst = |host| (0..10).filter(|_| limiter.admit_host(&rate(3), host, Via::Device)).count();
        assert_eq!((burst(&first), burst(&second), burst(&first)), (3, 3, 0));
        limiter.retain_hosts(|host| *host == first);
        assert_eq!((burst(&first), burst(&second)), (0, 3));
    }

    #[test]
    fn no_limit_costs_no_memory() {
        let limiter = Limiter::new(100, 10);
        let config = config(Limits::OFF);
        assert!((0..10).all(|_| limiter.refuses(&config, source(1), Via::Device).is_none()));
        assert!(limiter.syns.is_empty());
    }

    #[test]
    fn xdp_takes_the_work_over() {
        let limiter = Limiter::new(100, 10);
        limiter.set_offloaded(true);
        assert!((0..10).all(|_| syn(&limiter, 1, source(1), Via::Device)));
        let through_balancer = (0..10).filter(|_| syn(&limiter, 1, source(1), Via::Proxy)).count();
        assert_eq!(through_balancer, 1, "but for devices that it does not see");
    }

    #[test]
    fn all_sources_share_the_totals_but_for_those_of_verified_devices() {
        let limiter = Limiter::new(100, 10);
        let host = "a.example".parse().unwrap();
        let config = config(Limits { syn_total: rate(3), hello_total: rate(2), ..Limits::OFF });
        let syn = |host| limiter.refuses(&config, source(host), Via::Device);
        let hello = |number| limiter.refuses_hello(&config, source(number), &host, Via::Device);
        assert_eq!([1, 2, 3, 4].map(syn), [None, None, None, Some("syn_total")]);
        assert_eq!([1, 2, 3].map(hello), [None, None, Some("hello_total")]);
        let device = Device::Verified(Arc::new(verified("device")));
        let _voice = limiter.direct.completed(source(5), &device).unwrap();
        assert_eq!((syn(5), hello(5)), (None, None));
        limiter.set_offloaded(true);
        assert_eq!(limiter.refuses(&config, source(6), Via::Proxy), None, "XDP has counted the balancer");
    }

    #[test]
    fn who_is_denied_is_refused_and_nothing_stops_who_is_allowed() {
        let limiter = Limiter::new(100, 10);
        let prefixes = |text: &str| vec![text.parse().unwrap()];
        let config = Xdp {
            allow: prefixes("192.0.2.1/32"),
            deny: prefixes("192.0.2.0/24"),
            ..config(Limits { syn_per_source: rate(1), ..Limits::OFF })
        };
        limiter.bans.add(source(1).ip(), None, std::time::Duration::from_hours(1), None);
        assert_eq!(limiter.refuses(&config, source(2), Via::Device), Some("deny"));
        assert!((0..3).all(|_| limiter.refuses(&config, source(1), Via::Device).is_none()));
        let total = Xdp { limit: Limits { syn_total: rate(1), ..Limits::OFF }, ..config.clone() };
        assert!((0..3).all(|_| limiter.refuses(&total, source(1), Via::Device).is_none()));
        let outside = SocketAddr::from(([203, 0, 113, 1], 1));
        assert_eq!(limiter.refuses(&total, outside, Via::Device), None, "nothing was spent");
        limiter.set_offloaded(true);
        assert_eq!(limiter.refuses(&config, source(2), Via::Device), None, "XDP has let it through");
        assert_eq!(limiter.refuses(&config, source(2), Via::Proxy), Some("deny"));
    }
}
