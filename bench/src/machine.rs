//! What it is measured on.

use std::fs;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling process or thread, for the scheduler.
const SELF: Pid = Pid::from_raw(0);

/// Which CPU does what. With only one of them, everything shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpus {
    /// Runs what is measured, and nothing else of ours.
    pub server: usize,
    /// Runs the load and the origin.
    pub load: usize,
}

impl Cpus {
    /// The first two that this process may use.
    ///
    /// # Errors
    /// When the system does not say which those are.
    pub fn choose() -> Result<Self, Errno> {
        let allowed = sched_getaffinity(SELF)?;
        let mut usable = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false));
        let server = usable.next().ok_or(Errno::EINVAL)?;
        Ok(Self { server, load: usable.next().unwrap_or(server) })
    }
}

/// Pins the calling thread, and what it starts, to a CPU.
///
/// # Errors
/// When that CPU is not ours to use.
pub fn pin(cpu: usize) -> Result<(), Errno> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(SELF, &set)
}

/// The machine in a few words: processor, how many, kernel.
pub fn describe() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let model =
        field("model name").or_else(|| field("CPU implementer")).unwrap_or_else(|| "unknown CPU".to_owned());
    let count = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {count} CPUs, Linux {}", kernel.trim())
}
