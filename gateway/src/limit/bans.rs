//! Bans that userspace enforces: of sources that XDP does not see, because a balancer stands before them, and of all while
//! XDP is off.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fleetgate_ebpf::abi::Address;

use super::reputation::Offence;
use super::table::{Table, Used};
use super::who::source_key;
use crate::model::hostname::HostPattern;

/// Who is banned, and from which host; none means every one.
type Key = (Address, Option<HostPattern>);

/// Banned sources, as many as there is room for.
#[derive(Debug)]
pub struct Bans {
    epoch: Instant,
    table: Table<Key, Ban>,
    /// Whether there ever was one: until then nobody is looked for.
    has_any: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ban {
    /// In nanoseconds of the clock, as all times here.
    since: u64,
    until: u64,
    met: u64,
    cause: Option<Offence>,
}

/// A ban in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banned {
    /// Who: an IPv4 address, or the first of an IPv6 /64.
    pub source: IpAddr,
    /// The host; none means every one.
    pub host: Option<HostPattern>,
    /// Why; none means that an operator said so.
    pub cause: Option<Offence>,
    /// Since when.
    pub age: Duration,
    /// Until when.
    pub remaining: Duration,
    /// Connections and requests that it has met.
    pub met: u64,
}

impl Used for Ban {
    fn is_as_new(&self, now: u64) -> bool {
        self.until <= now
    }
}

impl Bans {
    /// Room for `max` bans at once.
    pub fn new(max: u32) -> Self {
        Self { epoch: Instant::now(), table: Table::new(max), has_any: AtomicBool::new(false) }
    }

    /// Bans a source for a time; a ban that is there begins anew. False when there is no room.
    pub fn add(
        &self,
        source: IpAddr,
        host: Option<HostPattern>,
        time: Duration,
        cause: Option<Offence>,
    ) -> bool {
        self.has_any.store(true, Ordering::Relaxed);
        let since = self.now();
        let until = since.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let entry = self.table.entry((source_key(source), host), since);
        entry.map(|mut ban| *ban = Ban { since, until, met: 0, cause }).is_some()
    }

    /// Takes a ban back. False when there was none.
    pub fn remove(&self, source: IpAddr, host: Option<HostPattern>) -> bool {
        let removed = self.table.remove(&(source_key(source), host));
        removed.is_some_and(|ban| !ban.is_as_new(self.now()))
    }

    /// Whether a source is banned from everything, or from `host` where there is one. That counts as met.
    pub fn meets(&self, source: IpAddr, host: Option<&HostPattern>) -> bool {
        if !self.has_any.load(Ordering::Relaxed) {
            return false;
        }
        let (source, now) = (source_key(source), self.now());
        let meets = |host: Option<&HostPattern>| {
            let ban = self.table.get_mut(&(source, host.cloned()));
            ban.filter(|ban| !ban.is_as_new(now)).map(|mut ban| ban.met += 1).is_some()
        };
        meets(None) || (host.is_some() && meets(host))
    }

    /// The bans in force.
    pub fn list(&self) -> Vec<Banned> {
        let now = self.now();
        let banned = |(source, host): &Key, ban: &Ban| Banned {
            source: (*source).into(),
            host: host.clone(),
            cause: ban.cause,
            age: Duration::from_nanos(now.saturating_sub(ban.since)),
            remaining: Duration::from_nanos(ban.until - now),
            met: ban.met,
        };
        let in_force = self.table.iter_mut().filter(|ban| !ban.is_as_new(now));
        in_force.map(|ban| banned(ban.key(), ban.value())).collect()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn host(name: &str) -> HostPattern {
        name.parse().unwrap()
    }

    #[test]
    fn a_ban_is_of_a_source_or_of_a_source_from_a_host() {
        let bans = Bans::new(10);
        let [first, second] = ["192.0.2.1", "192.0.2.2"].map(|source| source.parse::<IpAddr>().unwrap());
        let [a, b] = ["a.example", "b.example"].map(host);
        assert!(bans.add(first, None, LONG, None));
        assert!(bans.add(second, Some(a.clone()), LONG, Some(Offence::Requests)));
        assert!(bans.meets(first, None) && bans.meets(first, Some(&b)));
        assert!(bans.meets(second, Some(&a)) && !bans.meets(second, Some(&b)) && !bans.meets(second, None));
        let listed = bans.list();
        let of_second = listed.iter().find(|banned| banned.source == second).unwrap();
        assert_eq!((of_second.met, of_second.cause), (1, Some(Offence::Requests)));
        assert!(bans.remove(second, Some(a.clone())) && !bans.remove(second, Some(a)));
        assert_eq!(bans.list().len(), 1);
    }

    #[test]
    fn a_ban_that_is_over_is_none() {
        let bans = Bans::new(10);
        let source = "192.0.2.1".parse().unwrap();
        assert!(bans.add(source, None, Duration::ZERO, None));
        assert!(!bans.meets(source, None) && bans.list().is_empty() && !bans.remove(source, None));
    }

    #[test]
    fn an_ipv6_source_is_its_64_and_a_mapped_one_is_ipv4() {
        let bans = Bans::new(10);
        let meets = |source: &str| bans.meets(source.parse().unwrap(), None);
        bans.add("2001:db8::1".parse().unwrap(), None, LONG, None);
        bans.add("192.0.2.1".parse().unwrap(), None, LONG, None);
        assert!(meets("2001:db8::2:3") && !meets("2001:db8:0:1::1") && meets("::ffff:192.0.2.1"));
    }

    #[test]
    fn a_full_table_takes_no_more() {
        let bans = Bans::new(1);
        let [first, second] = ["192.0.2.1", "192.0.2.2"].map(|source| source.parse::<IpAddr>().unwrap());
        assert!(bans.add(first, None, LONG, None) && !bans.add(second, None, LONG, None));
        assert!(bans.add(first, None, LONG, None), "who is banned can be banned again");
        assert!(!bans.meets(second, None));
    }
}
