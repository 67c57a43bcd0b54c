//! The systemd unit is one that systemd understands, and fits the gateway's defaults.

use std::process::Command;

use fleetgate::config::Timeouts;
use fleetgate_tests::gateway::binary;
use fleetgate_tests::skip;
use tempfile::TempDir;

use crate::repository;

pub(crate) const UNIT: &str = "deploy/systemd/fleetgate.service";

/// The value of a setting that the unit makes once.
pub(crate) fn setting(name: &str) -> String {
    let unit = repository::read(UNIT);
    let mut values = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().unwrap_or_else(|| panic!("the unit does not set {name}"));
    assert_eq!(values.next(), None, "the unit sets {name} twice");
    value.to_owned()
}

#[test]
fn systemd_has_nothing_to_complain_about() {
    if !skip::unless_installed("systemd-analyze") {
        return;
    }
    // The program that the unit names is not installed here; the built one stands in for it.
    let unit = repository::read(UNIT).replace("/usr/bin/fleetgate", binary().to_str().unwrap());
    let folder = TempDir::with_prefix("fleetgate-test-").unwrap();
    let copy = folder.path().join("fleetgate.service");
    std::fs::write(&copy, unit).unwrap();
    let said = repository::must_run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy));
    // An unknown key is a line and no failure. Other units of this machine are not ours to judge.
    assert!(!said.contains("fleetgate.service"), "{said}");
}

#[test]
fn the_user_that_it_runs_as_is_one_that_sysusers_makes() {
    let sysusers = repository::read("deploy/systemd/fleetgate.sysusers");
    let made = sysusers.lines().find_map(|line| line.strip_prefix("u ")?.split(' ').next());
    assert_eq!(made, Some(setting("User").as_str()));
    assert_eq!(setting("User"), setting("Group"));
}

#[test]
fn systemd_waits_longer_for_the_end_than_the_gateway_drains() {
    let patience = setting("TimeoutStopSec");
    let patience: u64 = patience.strip_suffix('s').unwrap().parse().unwrap();
    assert!(patience > Timeouts::default().drain.as_secs(), "{patience}");
}

#[test]
fn systemd_of_every_version_says_how_many_sockets_it_keeps() {
    assert_eq!(setting("Environment"), format!("FDSTORE={}", setting("FileDescriptorStoreMax")));
}

#[test]
fn the_admin_socket_is_in_a_folder_that_the_unit_makes() {
    let socket = fleetgate::config::Admin::default().socket;
    assert_eq!(socket.parent().unwrap(), std::path::Path::new("/run").join(setting("RuntimeDirectory")));
}
