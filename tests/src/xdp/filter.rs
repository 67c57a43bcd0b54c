//! `xdp-filter` of Debian's xdp-tools: what the program is measured beside, where both do the same.

use std::net::IpAddr;
use std::path::PathBuf;

use aya::maps::{MapData, PerCpuHashMap, PerCpuValues};
use aya::programs::Xdp;
use aya::{Ebpf, EbpfLoader};

use super::kernel::{Ran, run};
use crate::bpffs::BpfFs;

/// Its variant with every feature that lets through what is on no list.
const OBJECT: &str = "xdpfilt_alw_all.o";
const PROGRAM: &str = "xdpfilt_alw_all";
/// Its bit of an entry that counts for sources.
const SOURCE: u64 = 1;

/// The loaded program.
pub struct Filter {
    ebpf: Ebpf,
    /// Its maps ask to be pinned.
    _pins: BpfFs,
}

impl Filter {
    /// Loads it with one denied address of each IP version. `None` where the package is not installed.
    pub fn load(denied: [IpAddr; 2]) -> Option<Self> {
        let object = std::fs::read(object()?).ok()?;
        let pins = BpfFs::new();
        let folder = pins.folder("xdp-filter");
        std::fs::create_dir(&folder).expect("a folder for its maps");
        let mut ebpf =
            EbpfLoader::new().default_map_pin_directory(folder).load(&object).expect("load xdp-filter");
        for address in denied {
            match address {
                IpAddr::V4(address) => deny(&mut ebpf, "filter_ipv4", address.octets()),
                IpAddr::V6(address) => deny(&mut ebpf, "filter_ipv6", address.octets()),
            }
        }
        let program: &mut Xdp = ebpf.program_mut(PROGRAM).expect("its program").try_into().expect("XDP");
        program.load().expect("load xdp-filter's program");
        Some(Self { ebpf, _pins: pins })
    }

    /// Runs it on a frame, `repeat` times.
    pub fn run(&mut self, frame: &[u8], repeat: u32) -> Ran {
        let program: &mut Xdp = self.ebpf.program_mut(PROGRAM).expect("its program").try_into().expect("XDP");
        run(program, frame, repeat)
    }
}

fn deny<K: aya::Pod>(ebpf: &mut Ebpf, map: &str, address: K) {
    let map = ebpf.map_mut(map).expect("its map");
    let mut map: PerCpuHashMap<&mut MapData, K, u64> = map.try_into().expect("a per-CPU hash");
    let cpus = aya::util::nr_cpus().expect("the number of CPUs");
    let entry = PerCpuValues::try_from(vec![SOURCE; cpus]).expect("one a CPU");
    map.insert(address, entry, 0).expect("deny an address");
}

/// Where the package puts it: the folder has the machine's architecture in its name.
fn object() -> Option<PathBuf> {
    let libraries = std::fs::read_dir("/usr/lib").ok()?.flatten();
    libraries.map(|folder| folder.path().join("bpf").join(OBJECT)).find(|path| path.exists())
}
