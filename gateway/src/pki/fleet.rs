//! A fleet: many devices' keys and certificates, made on all cores, in a folder that lists them.
//!
//! Whoever is killed loses nothing: what the manifest lists and is on disk stays, and what a run left half done is taken up
//! where it stands. Whoever is asked to stop finishes the device at hand. A key is written before its certificate, and the certificate before its line.

mod device;
mod manifest;
mod template;

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

pub use device::DeviceError;
pub use manifest::ManifestError;
pub use template::{Template, TemplateError};

use super::name::NameError;
use super::pkcs12::Bundle;
use super::{Authority, AuthorityError, KeyKind, Name, Profile};
use device::Made;
use manifest::Manifest;

/// Devices in a folder of a large fleet.
const SHARD: u64 = 1000;

/// Devices that a thread takes at once, and lines that it writes at once.
const SHARE: u64 = 16;

/// What is to be made.
#[derive(Debug)]
pub struct Order<'a> {
    /// Who signs.
    pub ca: &'a Authority,
    /// PEM that follows each certificate in its file.
    pub chain: &'a str,
    /// What the certificates are for.
    pub profile: &'a Profile,
    /// What keys to make.
    pub key: KeyKind,
    /// The parts of each name besides the common name, like `O=Example`.
    pub subject: Option<&'a str>,
    /// What the devices are called, from 1.
    pub names: &'a Template,
    /// How many there are to be in the end.
    pub count: u64,
    /// Where.
    pub folder: &'a Path,
    /// Whether each device gets a PKCS #12 file, too.
    pub bundle: Option<&'a Bundle>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Devices that the folder did not have.
    pub made: u64,
    /// Those of them that the manifest lists from before, and whose certificates were gone.
    pub again: u64,
    /// Devices that were there.
    pub kept: u64,
}

/// Why a fleet is not whole. What was made until then is listed, and the next run goes on there.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The CA does not sign.
    #[error(transparent)]
    Ca(#[from] AuthorityError),
    /// A folder cannot be made.
    #[error("cannot make the folder {}: {error}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The list of devices.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What the devices would be called.
    #[error(transparent)]
    Name(#[from] NameError),
    /// One of the devices.
    #[error("{name}: {error}")]
    Device {
        /// Which.
        name: String,
        /// Why not.
        error: DeviceError,
    },
    /// It was told to stop.
    #[error("it was stopped")]
    Stopped,
    /// A thread is gone.
    #[error("a thread ended before its work was done")]
    Thread,
}

impl Order<'_> {
    /// Makes what is missing, and calls `one` after each device, which says whether to go on.
    pub fn fill(&self, one: &(dyn Fn() -> ControlFlow<()> + Sync)) -> Result<Done, FleetError> {
        self.ca.check_not_expired()?;
        // The longest name is the last.
        Name::parse(self.subject, &self.names.name(self.count))?;
        make_folder(self.folder)?;
        let manifest = Manifest::open(self.folder)?;
        let sharded = manifest.is_sharded().unwrap_or(self.count > SHARD);
        if sharded {
            (0..self.count.div_ceil(SHARD))
                .try_for_each(|shard| make_folder(&self.folder.join(folder(shard))))?;
        }
        let run = Run {
            order: self,
            manifest,
            sharded,
            next: AtomicU64::new(0),
            over: AtomicBool::new(false),
            one,
        };
        let done = run.on_all_cores();
        // What a run that failed has listed is to stay, too.
        run.manifest.sync()?;
        let done = done?;
        if done.made + done.kept < self.count { Err(FleetError::Stopped) } else { Ok(done) }
    }
}

/// A fleet in the making.
struct Run<'a> {
    order: &'a Order<'a>,
    manifest: Manifest,
    sharded: bool,
    /// The first number that nobody has taken, from 0.
    next: AtomicU64,
    /// Whether nobody is to begin another device: one failed, or somebody said so.
    over: AtomicBool,
    one: &'a (dyn Fn() -> ControlFlow<()> + Sync),
}

impl Run<'_> {
    fn on_all_cores(&self) -> Result<Done, FleetError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| self.work())).collect();
            let results: Vec<_> = threads.into_iter().map(thread::ScopedJoinHandle::join).collect();
            let mut sum = Done::default();
            for result in results {
                let Done { made, again, kept } = result.map_err(|_| FleetError::Thread)??;
                sum = Done { made: sum.made + made, again: sum.again + again, kept: sum.kept + kept };
            }
            Ok(sum)
        })
    }

    fn work(&self) -> Result<Done, FleetError> {
        let (mut done, mut lines) = (Done::default(), String::new());
        while !self.is_over() {
            let begin = self.next.fetch_add(SHARE, Ordering::Relaxed);
            let mut share = (begin..self.order.count.min(begin + SHARE)).peekable();
            if share.peek().is_none() {
                break;
            }
            let result = share
                .take_while(|_| !self.is_over())
                .try_for_each(|index| self.device(index, &mut done, &mut lines));
            // What was made before a failure is listed all the same.
            let result = self.manifest.append(&lines).map_err(FleetError::from).and(result);
            lines.clear();
            if result.is_err() {
                self.end();
            }
            result?;
        }
        Ok(done)
    }

    fn device(&self, index: u64, done: &mut Done, lines: &mut String) -> Result<(), FleetError> {
        let name = self.order.names.name(index + 1);
        let base = if self.sharded { format!("{}/{name}", folder(index / SHARD)) } else { name.clone() };
        let known = self.manifest.known(&name);
        match self.order.device(&name, &base, known) {
            Ok(Made::Before) => done.kept += 1,
            Ok(Made::Now(line)) => {
                done.made += 1;
                done.again += u64::from(known.is_some());
                line.write(lines);
            }
            Err(error) => return Err(FleetError::Device { name, error }),
        }
        if (self.one)().is_break() {
            self.end();
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// The folder of a thousand devices.
fn folder(shard: u64) -> String {
    format!("{shard:03}")
}

fn make_folder(path: &Path) -> Result<(), FleetError> {
    fs::create_dir_all(path).map_err(|error| FleetError::Folder { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests;
