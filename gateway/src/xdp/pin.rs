//! Pins: what stays in the kernel while no gateway runs, so that protection outlives a restart or a crash.
//!
//! In the folder are the links, `link-INTERFACE-MODE`, and a folder with the maps, whose name has the sizes of the tables and
//! a hash of the program. A gateway that finds other maps than it would make takes over the links and the bans, and no more.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use aya::EbpfLoader;
use aya::programs::links::{FdLink, PinnedLink};
use fleetgate_ebpf::abi::map;
use nix::fcntl::{Flock, FlockArg};

use super::saved::Saved;
use crate::config::Tables;

/// The maps that stay. The others are scratch space, or read once.
const MAPS: [&str; 18] = [
    map::SETTINGS,
    map::GENERATION,
    map::PORTS,
    map::ADDRESSES,
    map::PREFIXES_V4,
    map::PREFIXES_V6,
    map::BANS,
    map::HOST_BANS,
    map::HOSTS,
    map::HOST_TATS,
    map::HOST_ACCOUNTS,
    map::SOURCES,
    map::VERIFIED,
    map::TOTALS,
    map::COOKIES,
    map::FLOWS,
    map::COUNTERS,
    map::EVENT_TATS,
];

/// A gateway's own folder of pins.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    maps: PathBuf,
    /// Held for as long as the gateway runs: two of them would write each other's maps.
    _lock: Flock<File>,
}

/// Why there is no folder of pins.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Another gateway has it.
    #[error("{} is in use by a gateway; give each its own xdp.pin_dir", .0.display())]
    Taken(PathBuf),
    /// The system refused.
    #[error("cannot use {} for pins: {error}; xdp.pin_dir must be on a BPF file system that the gateway may write to", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Folder {
    /// Opens the folder for a program with tables of these sizes. Maps of another program or of other sizes are removed;
    /// their bans are returned.
    pub(super) fn open(path: &Path, object: &[u8], tables: Tables) -> Result<(Self, Saved), PinError> {
        let failed = |error| PinError::Io { path: path.to_owned(), error };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = lock(path)?;
        let Tables { flows, sources, verified, bans, prefixes } = tables;
        let mut hasher = DefaultHasher::new();
        object.hash(&mut hasher);
        let hash = hasher.finish();
        let maps = path.join(format!("maps-{hash:016x}-{flows}-{sources}-{verified}-{bans}-{prefixes}"));
        let mut saved = Saved::default();
        for old in folders(path).map_err(failed)?.filter(|old| *old != maps) {
            saved.read(&old);
            fs::remove_dir_all(&old).map_err(failed)?;
        }
        fs::create_dir_all(&maps).map_err(failed)?;
        Ok((Self { path: path.to_owned(), maps, _lock: lock }, saved))
    }

    /// Whether the maps were there before.
    pub(super) fn has_maps(&self) -> bool {
        MAPS.iter().all(|name| self.maps.join(name).exists())
    }

    /// Has the maps taken from the folder, or pinned there. All of them or, where some are missing, new ones.
    pub(super) fn pin_maps(&self, loader: &mut EbpfLoader<'_>) -> Result<(), PinError> {
        if !self.has_maps() {
            for name in MAPS {
                match fs::remove_file(self.maps.join(name)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(PinError::Io { path: self.maps.join(name), error });
                    }
                    _ => {}
                }
            }
        }
        for name in MAPS {
            loader.map_pin_path(name, self.maps.join(name));
        }
        Ok(())
    }

    /// The link of an interface, and its mode.
    pub(super) fn link(&self, interface: &str) -> Option<(FdLink, &'static str)> {
        ["native", "generic"].into_iter().find_map(|mode| {
            let link = PinnedLink::from_pin(self.link_path(interface, mode)).ok()?;
            Some((link.into(), mode))
        })
    }

    /// Forgets the link of an interface, which goes with its last descriptor.
    pub(super) fn forget_link(&self, interface: &str) {
        for mode in ["native", "generic"] {
            // There may be none.
            let _ = fs::remove_file(self.link_path(interface, mode));
        }
    }

    /// Where the link of an interface is pinned.
    pub(super) fn link_path(&self, interface: &str, mode: &str) -> PathBuf {
        self.path.join(format!("link-{interface}-{mode}"))
    }

    /// Where the link of the program for served prefixes is pinned.
    pub(super) fn lookup_path(&self) -> PathBuf {
        lookup_path(&self.path)
    }

    /// Forgets that link, which goes with its last descriptor.
    pub(super) fn forget_lookup(&self) {
        // There may be none.
        let _ = fs::remove_file(self.lookup_path());
    }

    /// Interfaces that have a link here.
    pub(super) fn interfaces(&self) -> Vec<String> {
        links(&self.path).unwrap_or_default().iter().filter_map(|path| interface_of(path)).collect()
    }
}

/// Detaches what a gateway that is gone has left in `path`, and removes its maps. Returns the interfaces.
///
/// # Errors
/// A gateway is using it, or the system refuses.
pub fn detach(path: &Path) -> Result<Vec<String>, PinError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let _lock = lock(path)?;
    let failed = |error| PinError::Io { path: path.to_owned(), error };
    let links = links(path).map_err(failed)?;
    for link in &links {
        fs::remove_file(link).map_err(failed)?;
    }
    match fs::remove_file(lookup_path(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    for maps in folders(path).map_err(failed)? {
        fs::remove_dir_all(maps).map_err(failed)?;
    }
    Ok(links.iter().filter_map(|path| interface_of(path)).collect())
}

fn lookup_path(folder: &Path) -> PathBuf {
    folder.join("sk-lookup")
}

fn lock(path: &Path) -> Result<Flock<File>, PinError> {
    let file = File::open(path).map_err(|error| PinError::Io { path: path.to_owned(), error })?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| PinError::Taken(path.to_owned()))
}

fn links(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path)?.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(entries.filter(|path| interface_of(path).is_some()).collect())
}

fn interface_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_prefix("link-")?;
    Some(name.rsplit_once('-')?.0.to_owned())
}

fn folders(path: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let entries = fs::read_dir(path)?.filter_map(|entry| Some(entry.ok()?.path()));
    let ours =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("maps-"));
    Ok(entries.filter(ours))
}
