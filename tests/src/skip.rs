//! Tests that cannot run here, said by name.

use std::io::Write as _;

/// Whether the calling test has the rights for kernel work. Where it has not, its name goes on the list of skipped
/// tests that `cargo xtask test` prints, and the test should return.
pub fn unless_root() -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    record("needs root");
    false
}

/// Whether there are two CPUs, so that a packet can come in on one and go to the other. Where there is one, the test is listed as
/// skipped, and should return.
pub fn unless_two_cpus() -> bool {
    let found = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() >= 2);
    if !found {
        record("needs two CPUs");
    }
    found
}

/// Whether a program is installed. Where it is not, the test is listed as skipped, and should return.
pub fn unless_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).is_file());
    if !found {
        record(&format!("needs {program}"));
    }
    found
}

/// Puts the calling test on the list of skipped ones.
pub(crate) fn record(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let Some(list) = std::env::var_os("FLEETGATE_SKIPPED") else { return };
    let mut list =
        std::fs::OpenOptions::new().create(true).append(true).open(list).expect("open the list of skips");
    writeln!(list, "{name}: {why}").expect("write the list of skips");
}
