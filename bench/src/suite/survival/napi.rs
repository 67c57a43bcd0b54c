//! Threaded NAPI: a thread of the kernel takes in what comes to an interface, on a CPU of our choice. Without it a veth's packets
//! are taken in by whoever sends them, and on their account.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::Command;

use fleetgate_namespace::{Namespace, NamespaceError};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::SurvivalError;

/// How much nicer a flood is than devices.
pub(super) const FLOOD_NICE: i32 = 10;

/// Before whom such a thread runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    /// Before all programs, as the interrupts of a network card.
    Interrupt,
    /// Behind devices: an answer to a flood may be lost.
    Flood,
}

/// Gives an interface, which is up, such threads on that CPU, and says which they are.
pub(super) fn pin(
    namespace: &Namespace,
    interface: &str,
    cpu: usize,
    priority: Priority,
) -> Result<Vec<i32>, SurvivalError> {
    let before = threads()?;
    // The sysfs of the namespace is not the one that is mounted here.
    let script = format!("mount -t sysfs sysfs /sys && echo 1 > /sys/class/net/{interface}/threaded");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]);
    namespace.finish(command, &script)?;
    let named = format!("napi/{interface}-");
    let new: Vec<_> =
        threads()?.difference(&before).filter(|(_, name)| name.starts_with(&named)).cloned().collect();
    if new.is_empty() {
        return Err(SurvivalError::NoThread(interface.to_owned()));
    }
    let mut set = CpuSet::new();
    set.set(cpu).map_err(io::Error::from)?;
    for (pid, _) in &new {
        sched_setaffinity(Pid::from_raw(*pid), &set).map_err(io::Error::from)?;
        set_priority(namespace, *pid, priority)?;
    }
    Ok(new.into_iter().map(|(pid, _)| pid).collect())
}

fn set_priority(namespace: &Namespace, pid: i32, priority: Priority) -> Result<(), NamespaceError> {
    let script = match priority {
        Priority::Interrupt => format!("chrt --fifo --pid 50 {pid}"),
        // As far behind this process as the flood itself.
        Priority::Flood => format!("renice -n $(($(nice) + {FLOOD_NICE})) -p {pid}"),
    };
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    namespace.finish(command, &script).map(drop)
}

/// Threads of the kernel that do such work, with their names.
fn threads() -> io::Result<BTreeSet<(i32, String)>> {
    let mut found = BTreeSet::new();
    for process in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that has ended meanwhile is none.
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        if name.starts_with("napi/") {
            found.insert((pid, name.trim_end().to_owned()));
        }
    }
    Ok(found)
}
