//! A process and its descendants.

use std::collections::BTreeSet;
use std::fs;

/// The ids of `root` and all that it and its descendants started and that are still there.
pub(super) fn family(root: u32) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    #[expect(clippy::cast_possible_wrap, reason = "process ids end at 2^22")]
    descend(root as i32, &mut found);
    found
}

fn descend(pid: i32, found: &mut BTreeSet<i32>) {
    found.insert(pid);
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for thread in threads.flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            descend(child, found);
        }
    }
}
