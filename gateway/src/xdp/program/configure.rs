//! What a configuration changes in the maps.

use std::net::{IpAddr, SocketAddr};

use aya::maps::MapError;
use fleetgate_ebpf::abi::{FlowKey, FlowState, HostAccount, Settings, has, map};
use fleetgate_ebpf::gcra::Rate;
use fleetgate_ebpf::name::HostKey;

use super::Program;
use crate::config;
use crate::model::hostname::HostPattern;
use crate::xdp::{lists, maps};

impl Program {
    /// Writes limits, lists, the protected set and hosts. Packets see each change as it is made, and each whole; a host
    /// that stays is never missing in between.
    ///
    /// # Errors
    /// When the kernel refuses an update.
    pub fn configure<'a>(
        &mut self,
        config: &config::Xdp,
        listeners: &[SocketAddr],
        hosts: impl Iterator<Item = &'a HostPattern>,
    ) -> Result<(), MapError> {
        self.write_hosts(hosts)?;
        let has_prefixes = lists::list(&mut self.ebpf, config)?;
        let limit = &config.limit;
        self.write_settings(|settings| {
            settings.syn_per_source = limit.syn_per_source;
            settings.syn_total = limit.syn_total;
            settings.hello_per_source = limit.hello_per_source;
            settings.hello_per_host = limit.hello_per_host;
            settings.hello_total = limit.hello_total;
            settings.incomplete_per_source = limit.incomplete_per_source;
            settings.not_tls_per_source = limit.not_tls_per_source;
            settings.new_flows = limit.new_flows;
            settings.unknown_sni = config.unknown_sni as u32;
            let prefixes = if has_prefixes { has::PREFIXES } else { 0 };
            let fine = if limit.all().iter().any(Rate::is_fine) { has::FINE_LIMITS } else { 0 };
            settings.has &= !(has::PREFIXES | has::FINE_LIMITS);
            settings.has |= has::SETTINGS | prefixes | fine;
        })?;
        if !config.deny.is_empty() {
            self.forget_flows(|source| config.is_denied(source))?;
        }
        lists::protect(&mut self.ebpf, config, listeners, &mut self.ports)
    }

    /// Changes the settings: written beside those in force, which they then replace at once.
    pub(super) fn write_settings(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(), MapError> {
        change(&mut self.settings);
        let generation = maps::array::<u32>(&mut self.ebpf, map::GENERATION)?.get(&0, 0)?.wrapping_add(1);
        maps::array::<Settings>(&mut self.ebpf, map::SETTINGS)?.set(generation & 1, self.settings, 0)?;
        maps::array::<u32>(&mut self.ebpf, map::GENERATION)?.set(0, generation, 0)
    }

    /// Forgets the flows of these sources: what they send next meets lists and bans again.
    pub(super) fn forget_flows(&mut self, of: impl Fn(IpAddr) -> bool) -> Result<(), MapError> {
        let flows = maps::entries::<FlowKey, FlowState>(&self.ebpf, map::FLOWS)?;
        let mut map = maps::hash::<FlowKey, FlowState>(&mut self.ebpf, map::FLOWS)?;
        for (flow, _) in flows {
            if of(flow.source.into()) {
                // It may be gone by itself.
                let _ = map.remove(&flow);
            }
        }
        Ok(())
    }

    fn write_hosts<'a>(&mut self, served: impl Iterator<Item = &'a HostPattern>) -> Result<(), MapError> {
        let served: Vec<_> = served.collect();
        self.inherit_hosts(&served)?;
        let changes = self.slots.update(served.into_iter());
        let secret = self.settings.secret;
        for host in &changes.removed {
            maps::hash::<HostKey, u32>(&mut self.ebpf, map::HOSTS)?.remove(&host.xdp_key(secret))?;
        }
        for (host, slot) in changes.added {
            // The name comes last: a host that a packet can find is whole.
            maps::set_per_cpu(&mut self.ebpf, map::HOST_ACCOUNTS, slot, HostAccount::default())?;
            maps::array::<u64>(&mut self.ebpf, map::HOST_TATS)?.set(slot, 0, 0)?;
            maps::hash::<HostKey, u32>(&mut self.ebpf, map::HOSTS)?.insert(host.xdp_key(secret), slot, 0)?;
        }
        self.restore_host_bans()
    }
}
