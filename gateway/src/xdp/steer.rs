//! Which CPUs flows are steered to: the first of the sets is for all hosts, the others are of hosts with their own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;

use aya::Ebpf;
use aya::maps::xdp::XdpMapError;
use aya::maps::{CpuMap, HashMap, Map, MapData, MapError};
use fleetgate_ebpf::abi::{self, ALL, Address, CpuSet, FlowKey, FlowState, NO_CPU, limit_key, map};

use super::maps::{self, Result};
use super::slots::Slots;
use crate::model::hostname::HostPattern;

/// Packets that may wait for a CPU; what is beyond is lost, as it would be in a full ring of the NIC.
const QUEUE: u32 = 2048;

/// CPUs of each host that has its own.
pub type HostCpus = BTreeMap<HostPattern, Vec<u32>>;

/// What the maps hold.
#[derive(Debug, Default)]
pub(super) struct Steering {
    /// CPUs that have a queue.
    queues: BTreeSet<u32>,
    /// By host, its set.
    sets: BTreeMap<HostPattern, u32>,
}

impl Steering {
    /// Writes queues and sets for these CPUs; what the program must not use any more goes in [`Steering::clean_up`]. Whether
    /// hosts have their own.
    pub(super) fn write(
        &mut self,
        ebpf: &mut Ebpf,
        all: &[u32],
        hosts: &HostCpus,
        slots: &Slots,
    ) -> Result<bool> {
        let mut queues = cpu_map(ebpf)?;
        for cpu in all.iter().chain(hosts.values().flatten()) {
            if self.queues.insert(*cpu) {
                queues.set(*cpu, QUEUE, None, 0).map_err(map_error)?;
            }
        }
        let distinct: BTreeSet<&Vec<u32>> = hosts.values().collect();
        let distinct: Vec<_> = distinct.into_iter().collect();
        let mut sets = maps::array::<CpuSet>(ebpf, map::CPU_SETS)?;
        for index in 0..abi::MAX_SETS {
            // What a source's last host had may be gone: then it is like any other.
            let own = (index as usize).checked_sub(1).and_then(|index| distinct.get(index));
            let cpus = own.map_or(all, |cpus| cpus);
            sets.set(index, CpuSet::new(cpus.iter().copied()), 0)?;
        }
        let mut host_sets = maps::array::<u32>(ebpf, map::HOST_SETS)?;
        self.sets.clear();
        for (host, slot) in slots.iter() {
            let position = hosts.get(host).and_then(|cpus| distinct.iter().position(|set| *set == cpus));
            let set = position.and_then(|index| u32::try_from(index + 1).ok()).unwrap_or(ALL);
            host_sets.set(slot, set, 0)?;
            self.sets.insert(host.clone(), set);
        }
        Ok(!hosts.is_empty())
    }

    /// Takes away the queues of other CPUs than these.
    pub(super) fn clean_up(&mut self, ebpf: &mut Ebpf, all: &[u32], hosts: &HostCpus) -> Result<()> {
        let wanted: BTreeSet<u32> = all.iter().chain(hosts.values().flatten()).copied().collect();
        for cpu in self.queues.difference(&wanted) {
            remove_queue(ebpf, *cpu)?;
        }
        self.queues.retain(|cpu| wanted.contains(cpu));
        Ok(())
    }

    /// Packets that went to each CPU.
    pub(super) fn packets(&self, ebpf: &Ebpf) -> Result<Vec<(u32, u64)>> {
        let counters = maps::per_cpu::<u64>(ebpf, map::STEERED)?;
        self.queues.iter().map(|cpu| Ok((*cpu, counters.get(cpu, 0)?.iter().sum()))).collect()
    }

    /// A way to the flows' records.
    pub(super) fn flows(&self, ebpf: &mut Ebpf) -> Result<Flows> {
        Ok(Flows {
            records: duplicate(ebpf, map::FLOWS)?,
            last_sets: duplicate(ebpf, map::LAST_SETS)?,
            sets: self.sets.clone(),
        })
    }
}

/// The records of flows, to be changed from any thread.
#[derive(Debug)]
pub struct Flows {
    records: HashMap<MapData, FlowKey, FlowState>,
    last_sets: HashMap<MapData, Address, u32>,
    sets: BTreeMap<HostPattern, u32>,
}

impl Flows {
    /// Has the packets of a connection go to `cpu`, and the next of its source's to its host's CPUs from the start. A flow that
    /// the program does not know stays where it is.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn steer(
        &mut self,
        peer: SocketAddr,
        local: SocketAddr,
        cpu: u32,
        host: &HostPattern,
    ) -> Result<(), MapError> {
        let key = FlowKey {
            source: peer.ip().to_canonical().into(),
            destination: local.ip().to_canonical().into(),
            source_port: peer.port().to_be(),
            destination_port: local.port().to_be(),
        };
        if let Some(set) = self.sets.get(host).filter(|set| **set != ALL) {
            self.last_sets.insert(limit_key(&key.source), set, 0)?;
        }
        match self.records.get(&key, 0) {
            // Its frames are left where they come in.
            Ok(FlowState { cpu: NO_CPU, .. }) | Err(MapError::KeyNotFound) => Ok(()),
            Ok(state) => self.records.insert(key, FlowState { cpu, ..state }, 0),
            Err(error) => Err(error),
        }
    }
}

fn cpu_map(ebpf: &mut Ebpf) -> Result<CpuMap<&mut MapData>> {
    CpuMap::try_from(ebpf.map_mut(map::CPUS).ok_or_else(|| maps::missing(map::CPUS))?)
}

/// A queue without room is none: the kernel ends its thread once it is empty.
fn remove_queue(ebpf: &mut Ebpf, cpu: u32) -> Result<()> {
    cpu_map(ebpf)?.set(cpu, 0, None, 0).map_err(map_error)
}

fn map_error(error: XdpMapError) -> MapError {
    match error {
        XdpMapError::MapError(error) => error,
        XdpMapError::ChainedProgramNotSupported => {
            MapError::IoError(std::io::Error::other(error.to_string()))
        }
    }
}

fn duplicate<K: aya::Pod, V: aya::Pod>(ebpf: &Ebpf, name: &str) -> Result<HashMap<MapData, K, V>> {
    let (Map::LruHashMap(data) | Map::HashMap(data)) = ebpf.map(name).ok_or_else(|| maps::missing(name))?
    else {
        return Err(maps::missing(name));
    };
    let descriptor = data.fd().as_fd().try_clone_to_owned().map_err(MapError::IoError)?;
    HashMap::try_from(Map::LruHashMap(MapData::from_fd(descriptor)?))
}
