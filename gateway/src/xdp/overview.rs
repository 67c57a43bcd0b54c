//! The state of the XDP side, for `fleetgate xdp status`.

use aya::Ebpf;
use aya::maps::{HashMap, Map, MapData};
use fleetgate_ebpf::abi::{Address, Ban, FlowKey, FlowState, HostBanKey, Source, map};
use fleetgate_ebpf::verdict::Verdict;
use serde::Serialize;

use super::bans::Banned;
use super::maps::Result;
use super::{Cookies, Counters, Feature, InterfaceStatus, Part};
use crate::config::SynCookies;

/// Everything about the XDP side.
#[derive(Debug, Default, Serialize)]
pub struct Overview {
    /// The interfaces that the configuration names.
    pub interfaces: Vec<InterfaceStatus>,
    /// Why the program is not where it should be.
    pub errors: Vec<String>,
    /// Who gives SYN cookies; none while there is no program.
    pub cookies: Option<CookieStatus>,
    /// Packets by verdict: those that there were.
    pub packets: Vec<Packets>,
    /// Bans in force.
    pub bans: Vec<Banned>,
    /// How full the tables are.
    pub tables: Vec<Fill>,
    /// What the optional parts do, or why they don't.
    pub parts: Vec<Part>,
    /// Packets by the CPU that they were steered to.
    pub steered: Vec<Steered>,
    /// What this kernel has of what the parts need; empty where nobody asked.
    pub features: Vec<Feature>,
}

/// Packets that were steered to a CPU.
#[derive(Debug, Serialize)]
pub struct Steered {
    /// Its number.
    pub cpu: u32,
    /// How many.
    pub packets: u64,
}

/// Who gives SYN cookies.
#[derive(Debug, Serialize)]
pub struct CookieStatus {
    /// `kernel` or `xdp`.
    pub by: &'static str,
    /// What is wrong with that, and what helps.
    pub problem: Option<String>,
}

impl From<Cookies> for CookieStatus {
    fn from(cookies: Cookies) -> Self {
        let by = match cookies.by {
            SynCookies::Kernel => "kernel",
            SynCookies::Xdp => "xdp",
        };
        Self { by, problem: cookies.problem }
    }
}

/// Packets with one verdict.
#[derive(Debug, Serialize)]
pub struct Packets {
    /// What became of them.
    pub action: &'static str,
    /// Why.
    pub reason: &'static str,
    /// How many.
    pub packets: u64,
}

/// How full a table is.
#[derive(Debug, Serialize)]
pub struct Fill {
    /// Its key in `[xdp.table]`.
    pub table: &'static str,
    /// Entries, as far as they could be counted while the kernel changes them.
    pub entries: usize,
    /// Room.
    pub capacity: u32,
}

/// Those that there were.
pub(super) fn packets(counters: &Counters) -> Vec<Packets> {
    let count = |verdict: Verdict| Packets {
        action: verdict.action().label(),
        reason: verdict.reason(),
        packets: counters.packets(verdict),
    };
    Verdict::ALL.into_iter().map(count).filter(|counted| counted.packets > 0).collect()
}

/// Each CPU that packets are steered to.
pub(super) fn steered(packets: &[(u32, u64)]) -> Vec<Steered> {
    packets.iter().map(|&(cpu, packets)| Steered { cpu, packets }).collect()
}

/// How full the tables are that packets and people fill.
pub(super) fn tables(ebpf: &Ebpf) -> Result<Vec<Fill>> {
    Ok([
        fill::<FlowKey, FlowState>(ebpf, "flows", map::FLOWS)?,
        fill::<Address, Source>(ebpf, "sources", map::SOURCES)?,
        fill::<Address, Source>(ebpf, "verified", map::VERIFIED)?,
        fill::<Address, Ban>(ebpf, "bans", map::BANS)?,
        fill::<HostBanKey, Ban>(ebpf, "bans (by host)", map::HOST_BANS)?,
    ]
    .into_iter()
    .flatten()
    .collect())
}

fn fill<K: aya::Pod, V: aya::Pod>(ebpf: &Ebpf, table: &'static str, name: &str) -> Result<Option<Fill>> {
    let Some(map) = ebpf.map(name) else { return Ok(None) };
    let capacity = capacity(map)?;
    let entries = HashMap::<&MapData, K, V>::try_from(map)?.keys().flatten().count();
    Ok(Some(Fill { table, entries, capacity }))
}

fn capacity(map: &Map) -> Result<u32> {
    match map {
        Map::HashMap(data) | Map::LruHashMap(data) => Ok(data.info()?.max_entries()),
        _ => Ok(0),
    }
}
