//! A CRL is looked at before it is put in place: what it lists, who signed it, and whether it lists anybody that the
//! gateway knows. `cfssl gencrl` takes hexadecimal serial numbers for decimal ones without a word.

use std::fs;
use std::path::{Path, PathBuf};

use fleetgate::device::identity::{Fingerprint, Identity as Read};
use fleetgate::device::revocation::Serial;
use fleetgate_tests::gateway::{Gateway, Said, Setup, cli, quoted};
use fleetgate_tests::pki::{Identity, OpenSsl};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::{skip, wait};
use serde_json::Value;
use tempfile::TempDir;

/// The serial number as `openssl x509 -serial` prints it.
fn serial(identity: &Identity) -> String {
    let leaf = &identity.chain[0];
    Read::read(leaf, Fingerprint::of(leaf)).unwrap().serial
}

fn put(folder: &Path, name: &str, crl: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, crl).unwrap();
    path
}

fn inspect(gateway: &Gateway, file: &Path, more: &[&str]) -> Said {
    gateway.cli("crl", &[&["inspect", file.to_str().unwrap()], more].concat())
}

fn json(said: &Said) -> Value {
    assert_eq!(said.code, 0, "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn serial_numbers_that_cfssl_took_for_decimal_are_noticed_before_the_crl_is_put_in_place() {
    if !skip::unless_installed("cfssl") {
        return;
    }
    let (site, ca, folder) = (Site::new(), OpenSsl::root("Cfssl Root"), TempDir::new().unwrap());
    let device = ca.device("device-1");
    let gateway = Gateway::start(site.untrusting().trust("devices", &ca.ca, &[HOST]));
    let mut connection = site.anonymous().identity(&device).connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);

    let hex = serial(&device);
    let decimal = hex.parse::<Serial>().unwrap().decimal().unwrap();
    let (wrong, right) = (ca.cfssl_crl(&[&hex]), ca.cfssl_crl(&[&decimal]));
    let (wrong, right) = (put(folder.path(), "wrong.crl", wrong), put(folder.path(), "right.crl", right));
    let ca = ca.ca.to_str().unwrap();
    // By the CA's id with --ca, and by the name of the issuer without it.
    for more in [&["--ca", ca][..], &[]] {
        let said = inspect(&gateway, &wrong, more);
        assert!(said.code == 0 && said.stdout.contains("lists 0 of the 1 devices"), "{said:?}");
        assert!(said.stdout.contains("WARNING") && said.stdout.contains("cfssl gencrl"), "{said:?}");
        let report = &json(&inspect(&gateway, &wrong, &[more, &["--json"]].concat()))[0]["gateway"];
        assert_eq!((&report["matching"], &report["suspicious"]), (&0.into(), &true.into()), "{report}");

        let said = inspect(&gateway, &right, more);
        assert!(said.code == 0 && said.stdout.contains("lists 1 of the 1 devices"), "{said:?}");
        assert!(!said.stdout.contains("WARNING"), "{said:?}");
        assert!(said.stdout.contains(&format!("{hex} (decimal {decimal})")), "{said:?}");
        let report = &json(&inspect(&gateway, &right, &[more, &["--json"]].concat()))[0]["gateway"];
        assert_eq!((&report["matching"], &report["suspicious"]), (&1.into(), &false.into()), "{report}");
    }
}

#[test]
fn verify_says_too_how_many_devices_that_the_gateway_has_seen_are_listed() {
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    let verify = |crl: Vec<u8>, more: &[&str]| {
        let file = put(folder.path(), "devices.crl", crl);
        let (file, ca) = (file.to_str().unwrap(), site.devices.path.to_str().unwrap());
        gateway.cli("crl", &[&["verify", file, "--ca", ca], more].concat())
    };
    let right = || site.devices.crl(1, &[&site.device]);
    let said = verify(right(), &[]);
    assert!(said.code == 0 && said.stdout.contains("gateway: lists 1 of the 1 devices"), "{said:?}");
    assert!(!said.stdout.contains("WARNING"), "{said:?}");
    assert_eq!(json(&verify(right(), &["--json"]))[0]["gateway"]["matching"], 1);

    // As a tool lists it that was given decimal digits and reads hexadecimal ones.
    let decimal = serial(&site.device).parse::<Serial>().unwrap().decimal().unwrap();
    let wrong = || site.devices.crl_of_serials(2, &[&decimal]);
    let said = verify(wrong(), &[]);
    assert!(said.code == 0 && said.stdout.contains("lists 0 of the 1 devices"), "{said:?}");
    assert!(said.stdout.contains("WARNING") && said.stdout.contains("read as hexadecimal"), "{said:?}");
    assert_eq!(json(&verify(wrong(), &["--json"]))[0]["gateway"]["suspicious"], true);
}

#[test]
fn a_crl_is_inspected_without_a_gateway_and_its_signature_counts() {
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let (config, _) = site.setup().write(folder.path());
    let others: Vec<_> = (0..6).map(|number| site.devices.device(&format!("device {number}"))).collect();
    let crl = site.devices.crl(42, &others.iter().collect::<Vec<_>>());
    let file = put(folder.path(), "devices.crl", crl);
    let file = file.to_str().unwrap();
    let inspect = |more: &[&str]| cli("crl", &config, &[&["inspect", file], more].concat());

    let said = inspect(&["--ca", site.devices.path.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    let expected = ["Device Root", "42", "2019-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "keyCompromise"];
    for expected in expected.into_iter().chain(["and 1 more", "good", "not asked: cannot reach a gateway"]) {
        assert!(said.stdout.contains(expected), "{expected}: {said:?}");
    }
    let reply = json(&inspect(&["--json"]));
    let crl = &reply[0]["crl"];
    assert_eq!((&crl["number"], &crl["entries"], &crl["expired"]), (&"42".into(), &6.into(), &false.into()));
    assert_eq!((&crl["signature"]["result"], &reply[0]["gateway"]), (&"not_checked".into(), &Value::Null));
    assert_eq!(crl["first"][0]["hex"], serial(&others[0]));

    let said = inspect(&["--ca", site.servers.path.to_str().unwrap()]);
    assert!(said.code == 1 && said.stdout.contains("BAD: "), "{said:?}");
    let verify = |file: &Path, ca: &Path| {
        cli("crl", &config, &["verify", file.to_str().unwrap(), "--ca", ca.to_str().unwrap()])
    };
    let path = folder.path().join("devices.crl");
    let said = verify(&path, &site.devices.path);
    assert!(
        said.code == 0 && said.stdout.starts_with("good: ") && said.stdout.contains("6 entries"),
        "{said:?}"
    );
    let said = verify(&path, &site.servers.path);
    assert!(said.code == 1 && said.stdout.starts_with("BAD: "), "{said:?}");
    let overdue = put(folder.path(), "overdue.crl", site.devices.expired_crl(1, &[]));
    let said = verify(&overdue, &site.devices.path);
    assert!(said.code == 1 && said.stdout.contains("was due 2020-01-01T00:00:00Z"), "{said:?}");
    let garbage = put(folder.path(), "garbage.crl", "garbage");
    let said = cli("crl", &config, &["inspect", garbage.to_str().unwrap()]);
    assert!(said.code == 1 && said.stderr.contains("garbage.crl: "), "{said:?}");
}

#[test]
fn the_running_gateway_says_what_it_has_loaded_and_what_it_could_not() {
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let path = put(folder.path(), "devices.crl", site.devices.crl(7, &[&site.device]));
    let certificate = format!(
        "name = \"devices\"\ncertificate = {}\nassociated_hostnames = [{HOST:?}]\ncrl = [{}]",
        quoted(&site.devices.path),
        quoted(&path)
    );
    let setup: Setup = site.untrusting().array("mtls_certificate", certificate);
    let gateway = Gateway::start(setup.trust("others", &site.servers.path, &[HOST]));
    let said = gateway.cli("crl", &["status"]);
    let line = format!("devices: 1 entries, number 7, due 2100-01-01T00:00:00Z, {}", path.display());
    assert!(said.code == 0 && said.stdout.contains(&line), "{said:?}");
    assert!(said.stdout.contains("others: no CRL") && !said.stdout.contains("WARNING"), "{said:?}");

    let new = put(folder.path(), "new", "garbage");
    fs::rename(new, &path).unwrap();
    let status = || json(&gateway.cli("crl", &["status", "--json"]));
    let file = wait::until("the problem", || {
        let file = status()[0]["sources"][0].clone();
        file["problem"].is_string().then_some(file)
    });
    assert_eq!(file["crls"][0]["number"], "7", "the list before stays in force");
    let new = put(folder.path(), "new", site.devices.crl(8, &[]));
    fs::rename(new, &path).unwrap();
    wait::until("the new list", || {
        let file = status()[0]["sources"][0].clone();
        (file["problem"].is_null() && file["crls"][0]["number"] == "8").then_some(())
    });
}
