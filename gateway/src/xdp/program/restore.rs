//! What a gateway takes over from the one before it.

use std::collections::{HashMap, HashSet};

use aya::maps::MapError;
use fleetgate_ebpf::abi::{Address, Ban, HostBanKey, Settings, has, map};
use fleetgate_ebpf::name::HostKey;

use super::Program;
use crate::config::Spanned;
use crate::model::hostname::HostPattern;
use crate::xdp::saved::HostBan;
use crate::xdp::{lists, maps};

impl Program {
    /// Takes over what the maps hold: settings, hosts, ports.
    pub(super) fn restore(&mut self) -> Result<(), MapError> {
        let generation = maps::array::<u32>(&mut self.ebpf, map::GENERATION)?.get(&0, 0)?;
        let settings = maps::array::<Settings>(&mut self.ebpf, map::SETTINGS)?.get(&(generation & 1), 0)?;
        if settings.has == 0 {
            return Ok(());
        }
        self.settings = settings;
        self.inherited = maps::entries::<HostKey, u32>(&self.ebpf, map::HOSTS)?;
        self.ports = lists::read_ports(&mut self.ebpf)?;
        Ok(())
    }

    /// Takes over the bans of maps that were replaced. They act once the program is configured.
    pub(super) fn restore_bans(&mut self, bans: Vec<(Address, Ban)>) -> Result<(), MapError> {
        if bans.is_empty() {
            return Ok(());
        }
        let mut map = maps::hash::<Address, Ban>(&mut self.ebpf, map::BANS)?;
        for (source, ban) in bans {
            map.insert(source, ban, 0)?;
        }
        self.settings.has |= has::BANS;
        Ok(())
    }

    /// Takes over the bans from hosts of maps that were replaced, as far as those hosts are served; they have their slots.
    pub(super) fn restore_host_bans(&mut self) -> Result<(), MapError> {
        let bans = std::mem::take(&mut self.host_bans);
        let secrets: HashSet<_> = bans.iter().map(|ban| ban.secret).collect();
        let served = self.slots.iter().flat_map(|(host, slot)| {
            secrets.iter().map(move |secret| ((*secret, host.xdp_key(*secret)), slot))
        });
        let slots: HashMap<_, _> = served.collect();
        for HostBan { secret, host, source, ban } in bans {
            let Some(&slot) = slots.get(&(secret, host)) else { continue };
            let mut map = maps::hash::<HostBanKey, Ban>(&mut self.ebpf, map::HOST_BANS)?;
            map.insert(HostBanKey { source, slot }, ban, 0)?;
            self.settings.has |= has::HOST_BANS;
        }
        Ok(())
    }

    /// Gives `served` the slots that they had, and removes hosts that are not served any more.
    pub(super) fn inherit_hosts(&mut self, served: &[&HostPattern]) -> Result<(), MapError> {
        for (key, slot) in std::mem::take(&mut self.inherited) {
            match served.iter().find(|host| host.xdp_key(self.settings.secret) == key) {
                Some(host) => self.slots.inherit(host, slot),
                None => maps::hash::<HostKey, u32>(&mut self.ebpf, map::HOSTS)?.remove(&key)?,
            }
        }
        Ok(())
    }

    /// Takes the program from interfaces that were left with it and are not `wanted` any more.
    pub(in crate::xdp) fn detach_others(&mut self, wanted: &[Spanned<String>]) {
        let Some(pins) = &self.pins else { return };
        for interface in pins.interfaces() {
            if !wanted.iter().any(|name| name.value == interface) {
                pins.forget_link(&interface);
            }
        }
    }
}
