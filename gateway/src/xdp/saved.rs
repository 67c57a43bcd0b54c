//! Bans in the maps of a gateway before this one, whose program or tables were others.
//!
//! Each map is read for itself, and one whose entries have another size today is left: bans are worth saving, and no reason
//! not to start.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::Path;

use aya::Pod;
use aya::maps::{Array, HashMap, Map, MapData, MapError};
use fleetgate_ebpf::abi::{Address, Ban, HostBanKey, map};
use fleetgate_ebpf::name::HostKey;
use fleetgate_ebpf::siphash::Secret;

use super::maps::Result;

/// Bans that outlive their maps.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// Of sources, from everything.
    pub(super) bans: Vec<(Address, Ban)>,
    /// Of sources, from hosts.
    pub(super) host_bans: Vec<HostBan>,
}

/// A ban from one host, which is known by the hash of its name alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostBan {
    /// What the name was hashed with.
    pub(super) secret: Secret,
    /// The hash.
    pub(super) host: HostKey,
    /// Who is banned.
    pub(super) source: Address,
    /// For how long, and why.
    pub(super) ban: Ban,
}

impl Saved {
    /// Adds the bans in a folder of maps. What cannot be read is told.
    pub(super) fn read(&mut self, folder: &Path) {
        match entries(&folder.join(map::BANS)) {
            Ok(bans) => self.bans.extend(bans),
            Err(error) => tracing::warn!(%error, "bans of the gateway before are lost"),
        }
        match host_bans(folder) {
            Ok(bans) => self.host_bans.extend(bans),
            Err(error) => tracing::warn!(%error, "bans from hosts of the gateway before are lost"),
        }
    }
}

fn host_bans(folder: &Path) -> Result<Vec<HostBan>> {
    let bans = entries::<HostBanKey, Ban>(&folder.join(map::HOST_BANS))?;
    if bans.is_empty() {
        return Ok(Vec::new());
    }
    let secret = secret(folder)?;
    let hosts = entries::<HostKey, u32>(&folder.join(map::HOSTS))?;
    let hosts: BTreeMap<_, _> = hosts.into_iter().map(|(host, slot)| (slot, host)).collect();
    let named = bans.into_iter().filter_map(|(HostBanKey { source, slot }, ban)| {
        Some(HostBan { secret, host: *hosts.get(&slot)?, source, ban })
    });
    Ok(named.collect())
}

fn entries<K: Pod, V: Pod>(path: &Path) -> Result<Vec<(K, V)>> {
    let map = Map::from_map_data(MapData::from_pin(path)?)?;
    // A key or value of another size is refused here.
    let map = HashMap::<_, K, V>::try_from(map)?;
    Ok(map.iter().filter_map(Result::ok).collect())
}

/// What names are hashed with: settings begin with it, whatever else they have come to hold.
fn secret(folder: &Path) -> Result<Secret> {
    let generation = Map::from_map_data(MapData::from_pin(folder.join(map::GENERATION))?)?;
    let generation = Array::<_, u32>::try_from(generation)?.get(&0, 0)?;
    let settings = MapData::from_pin(folder.join(map::SETTINGS))?;
    let value = look_up(&settings, generation & 1)?;
    value.first_chunk().copied().ok_or(MapError::InvalidValueSize { size: 8 * value.len(), expected: 16 })
}

/// An array's element, whatever its size: aya's own types are made for one.
fn look_up(map: &MapData, index: u32) -> Result<Vec<u64>> {
    // The kernel writes whole words.
    let mut value = vec![0_u64; (map.info()?.value_size() as usize).div_ceil(8)];
    let attributes = LookUp {
        map: map.fd().as_fd().as_raw_fd().cast_unsigned(),
        reserved: 0,
        key: (&raw const index).expose_provenance() as u64,
        value: value.as_mut_ptr().expose_provenance() as u64,
        flags: 0,
    };
    // SAFETY: the attributes are what BPF_MAP_LOOKUP_ELEM takes. The map is an array, whose keys have four bytes, and the buffer
    // has room for its value; both outlive the call.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_MAP_LOOKUP_ELEM, &raw const attributes, size_of::<LookUp>())
    };
    if result == 0 { Ok(value) } else { Err(MapError::IoError(io::Error::last_os_error())) }
}

/// `BPF_MAP_LOOKUP_ELEM` of linux/bpf.h.
const BPF_MAP_LOOKUP_ELEM: libc::c_int = 1;

/// Its part of `union bpf_attr`.
#[repr(C)]
struct LookUp {
    map: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}
