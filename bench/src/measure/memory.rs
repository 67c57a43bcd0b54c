//! Memory in user space, by the operating system's accounting.

use std::fs;
use std::io;

use super::family::family;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The system does not say.
    #[error("no memory of process {pid}: {error}")]
    Read {
        /// Which process.
        pid: i32,
        /// Why.
        error: io::Error,
    },
    /// It says something else.
    #[error("no `Pss` of process {0}")]
    NoPss(i32),
}

/// KiB that a process and its descendants have in memory. A page that several share counts once in all (`Pss`); what the
/// kernel holds for them, such as the buffers of sockets, is not in it.
///
/// # Errors
/// When one of the processes is gone, or not ours to look at.
pub fn resident(root: u32) -> Result<f64, MemoryError> {
    family(root).into_iter().map(of_process).sum()
}

fn of_process(pid: i32) -> Result<f64, MemoryError> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    pss(&rollup.map_err(|error| MemoryError::Read { pid, error })?).ok_or(MemoryError::NoPss(pid))
}

fn pss(rollup: &str) -> Option<f64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_read_and_not_one_of_its_parts() {
        let rollup = "55d0-7ffd ---p 00000000 00:00 0    [rollup]\nRss:    900 kB\nPss:    123 kB\nPss_Anon:   45 kB\n";
        assert_eq!(pss(rollup), Some(123.0));
        assert_eq!(pss("Pss_Anon: 45 kB\n"), None);
    }

    #[test]
    fn what_is_touched_is_resident() {
        let before = resident(std::process::id()).unwrap();
        let pages = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = resident(std::process::id()).unwrap();
        assert!(after - before > 60.0 * 1024.0, "{before} {after}");
        drop(pages);
    }
}
