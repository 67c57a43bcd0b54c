//! Which slot of the XDP program's per-host tables belongs to which host.

use std::collections::{BTreeMap, VecDeque};

use crate::model::hostname::HostPattern;

/// Hosts and their slots. A host keeps its slot for as long as it is served; the slot that is
/// free for longest goes to the next newcomer: flows of the host that had it may still be open.
#[derive(Debug, Default)]
pub(super) struct Slots {
    taken: BTreeMap<HostPattern, u32>,
    free: VecDeque<u32>,
    next: u32,
}

/// What has to be done to the maps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<(HostPattern, u32)>,
    pub(super) removed: Vec<HostPattern>,
}

impl Slots {
    /// Makes `served` the hosts that have slots.
    pub(super) fn update<'a>(&mut self, served: impl Iterator<Item = &'a HostPattern>) -> Changes {
        let served: std::collections::BTreeSet<_> = served.collect();
        let removed: Vec<_> = self.taken.keys().filter(|host| !served.contains(host)).cloned().collect();
        for host in &removed {
            self.free.extend(self.taken.remove(host));
        }
        let mut added = Vec::new();
        for host in served {
            if !self.taken.contains_key(host) {
                let slot = self.free.pop_front().unwrap_or_else(|| {
                    self.next += 1;
                    self.next - 1
                });
                self.taken.insert(host.clone(), slot);
                added.push((host.clone(), slot));
            }
        }
        Changes { added, removed }
    }

    /// Has a host keep the slot that it had before this process; to be called before the first update.
    pub(super) fn inherit(&mut self, host: &HostPattern, slot: u32) {
        self.taken.insert(host.clone(), slot);
        self.free.extend(self.next..slot);
        self.free.retain(|free| *free != slot);
        self.next = self.next.max(slot + 1);
    }

    /// Every host with its slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&HostPattern, u32)> {
        self.taken.iter().map(|(host, slot)| (host, *slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Vec<HostPattern> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn slots_of_before_are_kept_and_those_between_are_free() {
        let mut slots = Slots::default();
        let names = hosts(&["a.example", "b.example", "c.example", "d.example"]);
        slots.inherit(&names[2], 2);
        slots.inherit(&names[0], 0);
        let added = slots.update(names.iter()).added;
        assert_eq!(added, [(names[1].clone(), 1), (names[3].clone(), 3)]);
        assert_eq!((slots.taken[&names[0]], slots.taken[&names[2]]), (0, 2));
    }

    #[test]
    fn a_host_keeps_its_slot_and_a_free_one_is_used_again() {
        let mut slots = Slots::default();
        let [a, b, c] = ["a.example", "b.example", "c.example"];
        assert_eq!(slots.update(hosts(&[a, b]).iter()).added.len(), 2);
        let b_slot = slots.taken[&hosts(&[b])[0]];
        let changes = slots.update(hosts(&[a, c]).iter());
        assert_eq!(changes, Changes { added: vec![(hosts(&[c])[0].clone(), b_slot)], removed: hosts(&[b]) });
        assert_eq!(slots.update(hosts(&[a, c]).iter()), Changes::default());
    }
}
