//! What the program has counted.

use std::collections::BTreeMap;

use aya::Ebpf;
use fleetgate_ebpf::abi::{HostAccount, map};
use fleetgate_ebpf::verdict::Verdict;

use super::maps::{self, Result};
use super::slots::Slots;
use crate::model::hostname::HostPattern;
use crate::telemetry::Metrics;

/// What the program has counted since its maps were created.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Packets by verdict, in the order of [`Verdict::ALL`].
    pub packets: Vec<u64>,
    /// What came for each host.
    pub hosts: BTreeMap<HostPattern, HostAccount>,
}

impl Counters {
    pub(super) fn read(ebpf: &Ebpf, slots: &Slots) -> Result<Self> {
        let packets = maps::per_cpu::<u64>(ebpf, map::COUNTERS)?;
        let accounts = maps::per_cpu::<HostAccount>(ebpf, map::HOST_ACCOUNTS)?;
        let packets = |index| Ok(packets.get(&index, 0)?.iter().sum());
        let account = |(host, slot): (&HostPattern, u32)| {
            Ok((host.clone(), accounts.get(&slot, 0)?.iter().fold(HostAccount::default(), add)))
        };
        Ok(Self {
            packets: (0..Verdict::COUNT).map(packets).collect::<Result<_>>()?,
            hosts: slots.iter().map(account).collect::<Result<_>>()?,
        })
    }

    /// The packets that got `verdict`.
    pub fn packets(&self, verdict: Verdict) -> u64 {
        self.packets.get(verdict as usize).copied().unwrap_or(0)
    }

    /// Adds what came since `before`. A count that went down is a slot that was given to a new host.
    pub(super) fn since(&self, before: &Self, metrics: &Metrics) {
        for verdict in Verdict::ALL {
            let labels = [verdict.action().label(), verdict.reason()];
            let new = self.packets(verdict).saturating_sub(before.packets(verdict));
            metrics.xdp_packets.with_label_values(&labels).inc_by(new);
        }
        for (host, account) in &self.hosts {
            let known = before.hosts.get(host).copied().unwrap_or_default();
            let host = &*host.to_string();
            let add = |counter: &prometheus::IntCounter, now: u64, before: u64| {
                counter.inc_by(now.saturating_sub(before));
            };
            let HostAccount { hellos, packets, bytes, limited, banned } = *account;
            add(&metrics.xdp_hellos.with_label_values(&[host]), hellos, known.hellos);
            add(&metrics.xdp_host_packets.with_label_values(&[host]), packets, known.packets);
            add(&metrics.xdp_host_bytes.with_label_values(&[host]), bytes, known.bytes);
            let drops =
                |verdict: Verdict| metrics.xdp_host_drops.with_label_values(&[host, verdict.reason()]);
            add(&drops(Verdict::HelloHostLimited), limited, known.limited);
            add(&drops(Verdict::HelloBanned), banned, known.banned);
        }
    }
}

fn add(sum: HostAccount, of_cpu: &HostAccount) -> HostAccount {
    HostAccount {
        hellos: sum.hellos + of_cpu.hellos,
        packets: sum.packets + of_cpu.packets,
        bytes: sum.bytes + of_cpu.bytes,
        limited: sum.limited + of_cpu.limited,
        banned: sum.banned + of_cpu.banned,
    }
}
