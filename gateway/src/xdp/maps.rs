//! The program's maps by name and type.

use std::hash::Hash;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, PerCpuValues};
use aya::{Ebpf, Pod};

pub(super) type Result<T, E = MapError> = std::result::Result<T, E>;

pub(super) fn array<'a, T: Pod>(ebpf: &'a mut Ebpf, name: &str) -> Result<Array<&'a mut MapData, T>> {
    Array::try_from(ebpf.map_mut(name).ok_or_else(|| missing(name))?)
}

pub(super) fn per_cpu<'a, T: Pod>(ebpf: &'a Ebpf, name: &str) -> Result<PerCpuArray<&'a MapData, T>> {
    PerCpuArray::try_from(ebpf.map(name).ok_or_else(|| missing(name))?)
}

/// Sets every CPU's value to the same.
pub(super) fn set_per_cpu<T: Pod>(ebpf: &mut Ebpf, name: &str, index: u32, value: T) -> Result<()> {
    let cpus = aya::util::nr_cpus().map_err(|(_, error)| MapError::IoError(error))?;
    let values = PerCpuValues::try_from(vec![value; cpus]).map_err(MapError::IoError)?;
    let map = ebpf.map_mut(name).ok_or_else(|| missing(name))?;
    PerCpuArray::<_, T>::try_from(map)?.set(index, values, 0)
}

/// A hash table, whether it evicts or not.
pub(super) fn hash<'a, K: Pod, V: Pod>(
    ebpf: &'a mut Ebpf,
    name: &str,
) -> Result<HashMap<&'a mut MapData, K, V>> {
    HashMap::try_from(ebpf.map_mut(name).ok_or_else(|| missing(name))?)
}

/// Every entry of a hash table, as far as they can be read while the kernel changes it.
pub(super) fn entries<K: Pod, V: Pod>(ebpf: &Ebpf, name: &str) -> Result<Vec<(K, V)>> {
    let map = HashMap::<_, K, V>::try_from(ebpf.map(name).ok_or_else(|| missing(name))?)?;
    Ok(map.iter().filter_map(Result::ok).collect())
}

/// Makes `wanted` the entries of a prefix table: what is new comes before what is old goes.
pub(super) fn set_prefixes<K: Pod + Hash + Eq>(
    ebpf: &mut Ebpf,
    name: &str,
    wanted: &std::collections::HashMap<(u32, K), u32>,
) -> Result<()> {
    let map = ebpf.map_mut(name).ok_or_else(|| missing(name))?;
    let mut trie = LpmTrie::<_, K, u32>::try_from(map)?;
    for ((len, data), value) in wanted {
        trie.insert(&Key::new(*len, *data), value, 0)?;
    }
    let old: Vec<_> = trie.keys().filter_map(Result::ok).collect();
    for key in old.iter().filter(|key| !wanted.contains_key(&(key.prefix_len(), key.data()))) {
        trie.remove(key)?;
    }
    Ok(())
}

/// Bytes of kernel memory that the maps take: `memlock` in what the kernel says of a descriptor.
pub(super) fn memory(ebpf: &Ebpf) -> Result<u64> {
    ebpf.maps().map(|(_, map)| map_memory(map)).sum()
}

fn map_memory(map: &Map) -> Result<u64> {
    let (Map::Array(data)
    | Map::CpuMap(data)
    | Map::HashMap(data)
    | Map::LpmTrie(data)
    | Map::LruHashMap(data)
    | Map::PerCpuArray(data)
    | Map::RingBuf(data)
    | Map::SockMap(data)) = map
    else {
        return Ok(0);
    };
    let path = format!("/proc/self/fdinfo/{}", data.fd().as_fd().as_raw_fd());
    let said = std::fs::read_to_string(path).map_err(MapError::IoError)?;
    let memory = said.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok());
    Ok(memory.unwrap_or(0))
}

pub(super) fn missing(name: &str) -> MapError {
    MapError::IoError(io::Error::new(io::ErrorKind::NotFound, format!("the XDP object has no map {name}")))
}
