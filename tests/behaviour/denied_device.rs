//! A device that the operator denies is out at once, whatever its CA says: on the next handshake, and on connections that
//! are open. It stays out over restarts, where there is a folder to keep that in, until it is pardoned.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fleetgate_tests::gateway::{Gateway, Said};
use fleetgate_tests::pki::{Ca, Identity, Leaf};
use fleetgate_tests::site::{HOST, Site};
use nix::sys::signal::Signal;
use serde_json::Value;

fn status(site: &Site, gateway: &Gateway, identity: &Identity) -> u16 {
    let client = site.anonymous().identity(identity);
    client.connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status()
}

/// A gateway that keeps its state beside its configuration.
fn keeping(site: &Site) -> Gateway {
    Gateway::start(site.setup().table("server", "state_dir = \".\""))
}

fn device(gateway: &Gateway, arguments: &[&str]) -> Said {
    let said = gateway.cli("device", arguments);
    assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
    said
}

/// The serial number as `openssl x509 -serial` prints it.
fn serial(identity: &Identity) -> String {
    use fleetgate::device::identity::{Fingerprint, Identity as Read};
    Read::read(&identity.chain[0], Fingerprint::of(&identity.chain[0])).unwrap().serial
}

#[test]
fn every_way_of_denying_acts_on_the_next_handshake_and_closes_the_open_connection() {
    let site = Site::new();
    let other = site.devices.device("device-2");
    let gateway = keeping(&site);
    let mut bystander = site.anonymous().identity(&other).connect(gateway.address(), HOST).unwrap();
    assert_eq!(bystander.get(HOST, "/").unwrap().status(), 200);
    let (fingerprint, serial) = (site.device.sha256(), serial(&site.device));
    let key = key_sha256(&site.device);
    let selectors: [&[&str]; 4] = [
        &["--fingerprint", &fingerprint],
        &["--common-name", "device-1"],
        &["--key", &key],
        &["--serial", &serial, "--ca", "devices"],
    ];
    for (selector, closed) in selectors.into_iter().zip(1..) {
        let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200, "{selector:?}");
        let said = device(&gateway, &[&["deny"], selector].concat());
        assert!(said.stdout.starts_with("denied ") && !said.stdout.contains("WARNING"), "{said:?}");
        assert!(connection.receive().is_err(), "{selector:?}: the connection is closed unasked");
        let labels = [("host", HOST), ("reason", "denied_locally")];
        gateway.wait_metric("fleetgate_connections_terminated_total", &labels, closed);
        assert_eq!(status(&site, &gateway, &site.device), 403, "{selector:?}");
        assert_eq!(status(&site, &gateway, &other), 200, "{selector:?}");
        device(&gateway, &[&["undeny"], selector].concat());
        assert_eq!(status(&site, &gateway, &site.device), 200, "{selector:?}: pardoned");
    }
    assert_eq!(bystander.get(HOST, "/").unwrap().status(), 200, "others stay connected");
    gateway.output().wait_access("the denial", |line| line["certificate"] == "denied_locally");
}

fn key_sha256(identity: &Identity) -> String {
    use fleetgate::device::identity::{Fingerprint, Identity as Read};
    let read = Read::read(&identity.chain[0], Fingerprint::of(&identity.chain[0])).unwrap();
    Fingerprint(read.key_sha256).hex()
}

/// Both CAs of an upload have issued a certificate with the same short serial number: one is a device's, and the other is
/// the CA's own, on the path of every device.
#[test]
fn a_serial_number_is_denied_at_the_ca_that_is_named_and_not_at_another_of_the_same_upload() {
    let site = Site::new();
    let issuing = site.devices.intermediate_with_serial("Issuing", 7);
    let leaf = |name: &str, serial: u64| issuing.issue(Leaf::device(name).serial(serial));
    let (stolen, other) = (leaf("device-3", 7), leaf("device-4", 8));
    let bundle = Ca::bundle(&[&issuing, &site.devices]);
    let gateway = Gateway::start(site.untrusting().trust("fleet", &bundle, &[HOST]));
    let serial = ["--serial", "07", "--ca", "fleet"];
    let said = gateway.cli("device", &[&["deny"][..], &serial].concat());
    assert!(said.code == 1 && said.stderr.contains("`CN=Issuing`"), "{said:?}");
    assert!(said.stderr.contains("`CN=Device Root`"), "{said:?}");
    assert_eq!(status(&site, &gateway, &stolen), 200, "nothing is denied yet");

    let named = [&serial[..], &["--issuer", "CN=Issuing"]].concat();
    device(&gateway, &[&["deny"], &named[..]].concat());
    assert_eq!((status(&site, &gateway, &stolen), status(&site, &gateway, &other)), (403, 200));
    device(&gateway, &[&["undeny"], &named[..]].concat());
    device(&gateway, &[&["deny"][..], &serial, &["--issuer", "Device Root"]].concat());
    assert_eq!((status(&site, &gateway, &stolen), status(&site, &gateway, &other)), (403, 403));
    assert_eq!(status(&site, &gateway, &site.device), 200, "its root issued it itself");
}

#[test]
fn a_denial_survives_a_kill_and_a_reload_and_a_pardon_does_too() {
    let site = Site::new();
    let mut gateway = keeping(&site);
    device(&gateway, &["deny", "--common-name", "device-1", "--note", "stolen, ticket 4711"]);
    let file = gateway.folder().join("denied.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    gateway.must_reload();
    assert_eq!(status(&site, &gateway, &site.device), 403, "after a reload");
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    gateway.start_again();
    assert_eq!(status(&site, &gateway, &site.device), 403, "after a kill");
    let listed = device(&gateway, &["denied"]);
    assert!(listed.stdout.contains("common name device-1  stolen, ticket 4711"), "{listed:?}");
    let listed: Value = serde_json::from_str(&device(&gateway, &["denied", "--json"]).stdout).unwrap();
    assert_eq!(listed["denied"][0]["common_name"], "device-1");
    device(&gateway, &["undeny", "--common-name", "device-1"]);
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    gateway.start_again();
    assert_eq!(status(&site, &gateway, &site.device), 200, "pardoned");
}

#[test]
fn a_damaged_file_refuses_the_start_by_name() {
    let site = Site::new();
    let folder = tempfile::TempDir::new().unwrap();
    fs::write(folder.path().join("denied.json"), "{\"version\":1,\"den").unwrap();
    let setup = |folder: &std::path::Path| {
        site.setup().table("server", &format!("state_dir = \"{}\"", folder.display()))
    };
    let refusal = Gateway::try_start(setup(folder.path())).err().expect("no start").stderr;
    assert!(refusal.contains("denied.json is damaged"), "{refusal}");
    let refusal = Gateway::try_start(setup(&folder.path().join("absent"))).err().expect("no start").stderr;
    assert!(
        refusal.contains("server.state_dir: ") && refusal.contains("absent is not a folder"),
        "{refusal}"
    );
}

#[test]
fn without_a_state_dir_the_reply_says_that_the_denial_ends_with_the_gateway() {
    let site = Site::new();
    let mut gateway = site.start();
    let said = device(&gateway, &["deny", "--common-name", "device-1"]);
    assert!(said.stdout.contains("WARNING server.state_dir is not set"), "{said:?}");
    let said = device(&gateway, &["deny", "--common-name", "device-1", "--json"]);
    let reply: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&reply["kept"], &reply["changed"]), (&false.into(), &Value::Array(vec![])));
    assert!(device(&gateway, &["denied"]).stdout.contains("WARNING server.state_dir is not set"));
    assert_eq!(status(&site, &gateway, &site.device), 403);
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    gateway.start_again();
    assert_eq!(status(&site, &gateway, &site.device), 200);
}

#[test]
fn a_denial_that_cannot_be_kept_is_in_force_and_said_to_be_a_failure() {
    let site = Site::new();
    let gateway = keeping(&site);
    // A folder in the temporary file's place stops root, too.
    fs::create_dir_all(gateway.folder().join("denied.json.new/in the way")).unwrap();
    let said = gateway.cli("device", &["deny", "--common-name", "device-1"]);
    assert!(said.code == 1 && said.stdout.contains("WARNING in force until the gateway stops"), "{said:?}");
    assert_eq!(status(&site, &gateway, &site.device), 403);
}

#[test]
fn a_denial_beyond_the_configured_number_is_refused_and_counted_and_a_reload_makes_room() {
    let site = Site::new();
    let setup = |most: u32| site.setup().table("denied", &format!("max_entries = {most}"));
    let gateway = Gateway::start(setup(1));
    device(&gateway, &["deny", "--common-name", "device-1"]);
    let more = ["deny", "--common-name", "device-2"];
    let said = gateway.cli("device", &more);
    assert!(said.code == 1 && said.stderr.contains("denied.max_entries allows 1"), "{said:?}");
    assert_eq!(gateway.metric("fleetgate_denials_refused_total", &[]), 1);
    gateway.configure(&setup(2));
    gateway.must_reload();
    device(&gateway, &more);
    assert_eq!(gateway.metric("fleetgate_denied_devices", &[]), 2);
}

#[test]
fn what_cannot_be_denied_or_pardoned_is_refused_with_the_remedy() {
    let site = Site::new();
    let gateway = keeping(&site);
    let cases: [(&[&str], i32, &str); 5] = [
        (&["deny", "--serial", "0A", "--ca", "nobody"], 1, "there are: `devices`"),
        (&["deny", "--fingerprint", "0A"], 1, "is not a SHA-256 in hexadecimal"),
        (&["undeny", "--common-name", "device-1"], 1, "nothing is denied by that"),
        (&["deny", "--serial", "0A"], 2, "--ca"),
        (&["deny"], 2, "--fingerprint"),
    ];
    for (arguments, code, expected) in cases {
        let said = gateway.cli("device", arguments);
        let output = said.stdout.clone() + &said.stderr;
        assert!(said.code == code && output.contains(expected), "{arguments:?}: {said:?}");
    }
    assert_eq!(status(&site, &gateway, &site.device), 200);
}
