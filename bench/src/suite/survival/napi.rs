//! Threaded NAPI: a thread of the kernel takes in what comes to an interface, on a CPU of our choice. Without it a veth's packets
//! are taken in by whoever sends them, and on their account.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::Command;

use fleetgate_namespace::Namespace;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::SurvivalError;

/// Before all programs, as the interrupts of a network card.
const PRIORITY: u8 = 50;

/// Gives an interface, which is up, such threads on that CPU, and says which they are.
pub(super) fn pin(namespace: &Namespace, interface: &str, cpu: usize) -> Result<Vec<i32>, SurvivalError> {
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
        namespace.call(&format!("chrt --fifo --pid {PRIORITY} {pid}"))?;
    }
    Ok(new.into_iter().map(|(pid, _)| pid).collect())
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
