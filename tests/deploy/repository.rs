//! Files of the repository, and programs that look at them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The path of a file, given from the repository's root.
pub(crate) fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(file)
}

/// The text of a file.
pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What a program says, on both outputs; it must succeed.
pub(crate) fn must_run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// The rows of a page's Markdown tables, without their heads: the cells, without the code marks around them.
pub(crate) fn rows(page: &str) -> Vec<Vec<&str>> {
    let is_head = |next: Option<&str>| next.is_some_and(|line| line.starts_with("|---"));
    let followed = page.lines().zip(page.lines().skip(1).map(Some).chain([None]));
    let rows = followed.filter(|(_, next)| !is_head(*next)).map(|(line, _)| line);
    let rows = rows.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(|cell| cell.trim().trim_matches('`')).collect()).collect()
}
