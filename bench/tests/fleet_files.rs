//! Devices whose files `fleetgate pki fleet` wrote, at the real gateway.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::process::{Command, Output};

use fleetgate_tests::gateway::{self, Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};
use serde_json::Value;
use tempfile::TempDir;

fn pki(folder: &Path, line: &str) {
    let mut command = Command::new(gateway::binary());
    let said = command.arg("pki").args(line.split(' ')).current_dir(folder).output().unwrap();
    assert!(said.status.success(), "{line}: {said:?}");
}

fn fleetsim(folder: &Path, gateway: &Gateway, ca: &Path, devices: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetsim"));
    command.args(["run", "--host", HOST, "--pki", "fleet", "--devices", devices, "--quiet", "--json"]);
    command.args(["--interval", "100ms", "--for", "2s", "--connect", &gateway.address().to_string()]);
    command.arg("--ca").arg(ca).current_dir(folder).output().unwrap()
}

#[test]
fn devices_of_pki_fleet_are_let_in_and_too_few_of_them_are_told() {
    let (site, folder) = (Site::new(), TempDir::with_prefix("fleetgate-fleet-").unwrap());
    pki(folder.path(), "ca new Line --out line");
    pki(folder.path(), "fleet --count 5 --out fleet --name pump-{n} --ca line.pem --ca-key line-key.pem");
    let setup = Setup::default().host(site.host()).trust("line", &folder.path().join("line.pem"), &[HOST]);
    let gateway = Gateway::start(setup.devices_only(HOST));
    let said = fleetsim(folder.path(), &gateway, &site.servers.path, "5");
    let summary: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert!(summary["requests"]["count"].as_u64() >= Some(5), "{summary:#}");
    assert_eq!(summary["errors"], serde_json::json!({}), "{summary:#}");

    let said = fleetsim(folder.path(), &gateway, &site.servers.path, "6");
    let stderr = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && stderr.contains("5 devices, and 6 are wanted"), "{said:?}");
}
