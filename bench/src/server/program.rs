//! Installed programs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a program is installed.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where only root's path looks.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Which version a program says it is, by the first of `arguments` that it answers to.
pub fn version(program: &Path, arguments: &[&str]) -> Option<String> {
    arguments.iter().find_map(|argument| {
        let output =
            Command::new(program).arg(argument).output().ok().filter(|output| output.status.success())?;
        // nginx says it where errors go.
        let said = [output.stdout, output.stderr].concat();
        version_in(&String::from_utf8_lossy(&said))
    })
}

fn version_in(text: &str) -> Option<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || letter == '/');
    let mut numbers = words
        .map(|word| word.trim_start_matches('v'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    numbers.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_each_server_says() {
        for (text, version) in [
            ("nginx version: nginx/1.22.1\n", Some("1.22.1")),
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", Some("2.6.12-1+deb12u4")),
            ("2.6.2\n", Some("2.6.2")),
            ("v2.8.4 h1:abc\n", Some("2.8.4")),
            ("fleetgate 0.1.0\n", Some("0.1.0")),
            ("no", None),
        ] {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
    }
}
