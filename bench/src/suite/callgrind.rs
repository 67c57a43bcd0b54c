//! Counting instructions with callgrind, of valgrind.

use std::fs;
use std::path::Path;

use tokio::process::Command;

/// The program, and its package.
pub const NAME: &str = "valgrind";

/// What tells a running one to write what it has counted, of the same package.
pub(super) const CONTROL: &str = "callgrind_control";

/// Functions of the gateway's example `measure` that turn the counting on, and off again when they end; the last is called
/// within the first.
pub(super) const TOGGLES: [&str; 3] =
    ["*handshake_counted*", "*decide_counted*", "*client_turn_not_counted*"];

/// A command that counts into `output` what runs of `program`: all of it without toggles.
pub(super) fn command(program: &Path, toggles: &[&str], output: &Path) -> Command {
    let mut command = Command::new(NAME);
    command.args(["-q", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", output.display()));
    command.args(toggles.iter().map(|function| format!("--toggle-collect={function}"))).arg(program);
    command
}

/// What valgrind calls itself: its name and version.
pub(super) fn version() -> Option<String> {
    let said = std::process::Command::new(NAME).arg("--version").output().ok()?.stdout;
    Some(String::from_utf8(said).ok()?.trim().to_owned()).filter(|version| !version.is_empty())
}

/// The instructions that were counted into `output`.
pub(super) fn instructions(output: &Path) -> Option<u64> {
    total(&fs::read_to_string(output).ok()?)
}

fn total(profile: &str) -> Option<u64> {
    let total = profile.lines().find_map(|line| line.strip_prefix("totals:"))?;
    // None at all means that the functions have other names now.
    total.trim().parse().ok().filter(|total| *total > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found_and_none_at_all_is_no_total() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 9\n\nfn=(1)\n1 2\ntotals: 12345\n"), Some(12_345));
        assert_eq!(total("events: Ir\ntotals: 0\n"), None);
        assert_eq!(total("events: Ir\n"), None);
    }
}
