//! What a run that crashed left behind: its processes, its namespace, its link.

use std::fs;
use std::path::Path;

use super::lab::{FOLDER, LINK, NAMESPACE};
use crate::privilege::Privilege;
use crate::process::{Error, Result};

/// Removes it. The caller holds the lock, so whatever is found belongs to nobody.
///
/// # Errors
/// When something cannot be removed.
pub(super) fn clear(privilege: Privilege) -> Result {
    let processes: Vec<String> = processes().collect();
    if !processes.is_empty() {
        let words = ["kill", "-KILL"].into_iter().chain(processes.iter().map(String::as_str));
        // One that ended in the meantime makes kill fail, and is gone all the same.
        let _ = privilege.run(words);
    }
    if Path::new("/run/netns").join(NAMESPACE).exists() {
        privilege.run(["ip", "netns", "delete", NAMESPACE])?;
    }
    // The veth pair goes with its namespace, but in the kernel's own time.
    if Path::new("/sys/class/net").join(LINK).exists() {
        let _ = privilege.run(["ip", "link", "delete", LINK]);
    }
    Ok(())
}

/// What is still there of ours, in words.
pub(super) fn list(privilege: Privilege) -> Result<Vec<String>> {
    let mut found: Vec<_> = processes().map(|pid| format!("process {pid}")).collect();
    let mut look = |words: &[&str], name: &str| {
        let shown = crate::process::capture(&mut privilege.command(words.iter().copied()))?;
        let lines = shown.lines().filter(|line| line.contains(name));
        found.extend(lines.map(|line| format!("`{}`: {}", words.join(" "), line.trim())));
        Ok::<_, Error>(())
    };
    look(&["ip", "netns", "list"], NAMESPACE)?;
    look(&["ip", "-brief", "link"], LINK)?;
    if crate::process::exists("bpftool") {
        look(&["bpftool", "prog", "show"], "fleetgate")?;
    }
    Ok(found)
}

/// Processes of ours that work in a run's folder.
fn processes() -> impl Iterator<Item = String> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = entry
            .file_name()
            .into_string()
            .ok()
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let program = line.split(|byte| *byte == 0).next().map(String::from_utf8_lossy)?;
        let ours = ["fleetgate", "fleetsim"].iter().any(|name| Path::new(&*program).ends_with(name));
        // The name says so even when the folder was deleted, with a remark behind it.
        let folder = fs::read_link(entry.path().join("cwd")).ok()?;
        let there = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FOLDER));
        (ours && there).then_some(pid)
    })
}
