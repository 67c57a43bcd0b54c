//! A scenario, played against the real gateway: what it expects decides how `fleetgate-bench` ends.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fleetgate_tests::{gateway, skip};
use serde_json::Value;
use tempfile::TempDir;

/// Kinds of devices that should be refused, in the scenario.
const BAD: [&str; 8] =
    ["expired", "garbage", "no_certificate", "revoked", "wrong_ca", "wrong_host", "wrong_name", "wrong_sni"];

struct Played {
    output: Output,
    folder: TempDir,
}

impl Played {
    fn json(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.path().join("result.json")).unwrap()).unwrap()
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap()
    }

    fn said(&self) -> String {
        let Output { stdout, stderr, .. } = &self.output;
        String::from_utf8_lossy(&[&stdout[..], stderr].concat()).into_owned()
    }
}

fn scenario() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/short.toml")).unwrap()
}

fn play(scenario: &str) -> Played {
    let folder = TempDir::with_prefix("fleetgate-scenario-").unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::write(path("short.toml"), scenario).unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_fleetgate-bench"));
    bench.arg("fleet").arg("--scenario").arg(path("short.toml")).arg("--gateway").arg(gateway::binary());
    for (option, file) in [("--json", "result.json"), ("--page", "page.html"), ("--markdown", "table.md")] {
        bench.arg(option).arg(path(file));
    }
    Played { output: bench.output().unwrap(), folder }
}

/// Everything that a storm and intruders should come to.
fn check(played: &Played) {
    let said = played.said();
    assert!(played.output.status.success(), "{said}");
    let json = played.json();
    assert_eq!(json["met"], true, "{said}");
    let fleets: Vec<_> = json["phases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|phase| phase["fleets"].as_array().unwrap())
        .collect();
    for bad in BAD {
        assert!(fleets.iter().any(|fleet| fleet["turned_away"][bad].is_object()), "{bad}: {said}");
    }
    let revoked: u64 = fleets.iter().filter_map(|fleet| fleet["revoked"]["count"].as_u64()).sum();
    assert_eq!(revoked, 4, "a tenth of forty; {said}");
    assert_eq!(json["returns"][0]["devices"], 120);
    let page = played.text("page.html");
    assert_eq!(page.matches("<svg").count(), 5);
    assert!(!page.contains("src=") && !page.contains("href="), "a page that needs a network");
    assert!(played.text("table.md").contains("| good devices refused | 0 | 0 | yes |"));
}

#[test]
fn a_storm_and_intruders_on_loopback() {
    check(&play(&scenario()));
}

#[test]
fn a_storm_and_intruders_behind_xdp_with_the_limits_of_an_installed_gateway() {
    if !skip::unless_root() || !["ip", "ethtool"].into_iter().all(skip::unless_installed) {
        return;
    }
    let played = play(&scenario().replace("loopback", "namespaces"));
    check(&played);
    let json = played.json();
    let last = json["samples"].as_array().unwrap().last().unwrap();
    assert!(last["xdp"]["pass hello_matched"].as_u64() >= Some(200), "{last}");
}

#[test]
fn what_does_not_come_as_expected_is_a_failure_by_name() {
    let played = play(&scenario().replace("back_within = \"30s\"", "back_within = \"1us\""));
    assert!(!played.output.status.success());
    assert!(played.said().contains("all 120 back after the cut"), "{}", played.said());
    assert_eq!(played.json()["met"], false);
    assert!(played.text("page.html").contains("class=\"no\""));
}
