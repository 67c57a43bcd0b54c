//! What is stored can be carried to another gateway, with its secrets or without.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fleetgate_tests::gateway::{Gateway, Said, cli};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn start(site: &Site) -> Gateway {
    Gateway::start(site.setup().table("server", "state_dir = \".\""))
}

fn id(digit: char) -> String {
    format!("{}-0000-4000-8000-000000000000", digit.to_string().repeat(8))
}

fn resources() -> Value {
    json!([
        { "kind": "ip_list", "id": id('1'), "document": { "name": "office", "ips": ["192.0.2.0/24"] } },
        { "kind": "service_token", "id": id('2'),
          "document": { "name": "ci", "client_id": "ci.access", "client_secret_sha256": HASH } },
        { "kind": "alert_webhook", "id": id('3'),
          "document": { "name": "hook", "url": "https://hook.example.invalid/", "secret": "s3cret" } },
    ])
}

/// Stores them, and waits for what that brings about: the test message to the webhook, which nobody gets.
fn store_resources(gateway: &Gateway) {
    gateway.must_change(&resources());
    wait::until("the test message given up", || {
        let deliveries = gateway.kept("alert_delivery");
        deliveries.iter().any(|(_, delivery)| delivery["state"] == "given_up").then_some(())
    });
}

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

fn export(gateway: &Gateway, arguments: &[&str]) -> String {
    good(gateway.cli("state", &[&["export"], arguments].concat())).stdout
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

#[test]
fn an_export_with_secrets_makes_another_gateway_the_same() {
    let site = Site::new();
    let (one, other) = (start(&site), start(&site));
    store_resources(&one);
    other.must_change(
        &json!([{ "kind": "ip_list", "id": id('9'), "document": { "name": "old", "ips": [] } }]),
    );
    let [phrase, wrong, file] = ["phrase", "wrong", "state.age"].map(|name| one.folder().join(name));
    fs::write(&phrase, "correct horse battery staple\n").unwrap();
    fs::write(&wrong, "another\n").unwrap();
    export(&one, &["--with-secrets", "--passphrase-file", path(&phrase), "--output", path(&file)]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&file).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("office"));

    let refused = other.cli("state", &["import", path(&file)]);
    assert!(refused.code == 1 && refused.stderr.contains("--passphrase-file"), "{refused:?}");
    let refused = other.cli("state", &["import", path(&file), "--passphrase-file", path(&wrong)]);
    assert!(refused.code == 1 && refused.stderr.contains("cannot be decrypted"), "{refused:?}");
    assert_eq!(other.kept("ip_list").len(), 1);
    let said = good(other.cli("state", &["import", path(&file), "--passphrase-file", path(&phrase)]));
    assert!(said.stdout.contains("5 records are stored now, and 1 are gone"), "{said:?}");
    let records = |gateway: &Gateway| {
        let export: Value = serde_json::from_str(&export(gateway, &["--with-secrets"])).unwrap();
        let records = export["records"].as_array().unwrap().clone();
        records
            .into_iter()
            .map(|record| (record["id"].clone(), record["document"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(records(&other), records(&one));
    assert!(format!("{:?}", records(&other)).contains("s3cret"));
    assert_eq!(one.status()["account_id"], other.status()["account_id"]);
}

#[test]
fn an_export_without_secrets_has_none_and_leaves_those_that_are_there() {
    let site = Site::new();
    let (one, other) = (start(&site), start(&site));
    store_resources(&one);
    let text = export(&one, &[]);
    assert!(
        text.contains("hook.example.invalid") && !text.contains("s3cret") && !text.contains(HASH),
        "{text}"
    );
    let file = one.folder().join("state.json");
    fs::write(&file, &text).unwrap();
    // Where the token is known, it stays what it is; elsewhere nobody could use it.
    good(one.cli("state", &["import", path(&file)]));
    assert!(export(&one, &["--with-secrets"]).contains(HASH));
    let said = good(other.cli("state", &["import", path(&file)]));
    assert!(said.stdout.contains(&format!("service_token {} is left out", id('2'))), "{said:?}");
    assert_eq!((other.kept("service_token").len(), other.kept("alert_webhook").len()), (0, 1));
}

#[test]
fn denials_and_pushed_crls_go_with_it_and_come_to_those_that_are_there() {
    let site = Site::new();
    let (mut one, other) = (start(&site), start(&site));
    let deny = |gateway: &Gateway, name: &str| {
        good(gateway.cli("device", &["deny", "--common-name", name, "--note", "stolen"]));
    };
    deny(&one, "pump-1");
    deny(&one, "pump-2");
    deny(&other, "pump-2");
    deny(&other, "pump-3");
    let crl = one.folder().join("devices.crl");
    fs::write(&crl, site.devices.crl(5, &[&site.device])).unwrap();
    good(one.cli("crl", &["push", "--ca", "devices", path(&crl)]));
    let running = export(&one, &[]);
    one.signal(Signal::SIGTERM);
    one.wait();
    let at_rest = good(cli("state", &one.config(), &["export"])).stdout;
    let beside = |text: &str| serde_json::from_str::<Value>(text).unwrap()["beside"].clone();
    assert_eq!(beside(&running), beside(&at_rest));

    let file = other.folder().join("state.json");
    fs::write(&file, &at_rest).unwrap();
    let status = || {
        site.client().connect(other.address(), HOST).and_then(|mut it| it.get(HOST, "/")).unwrap().status()
    };
    assert_eq!(status(), 200);
    let said = good(other.cli("state", &["import", path(&file)]));
    assert!(said.stdout.contains("1 denials and 1 pushed CRLs came to those that are there"), "{said:?}");
    assert_eq!(status(), 403, "it is revoked");
    let denied = other.cli("device", &["denied"]).stdout;
    assert!((1..=3).all(|pump| denied.matches(&format!("pump-{pump} ")).count() == 1), "{denied}");

    // What is newer here stays, and is told.
    fs::write(&crl, site.devices.crl(6, &[])).unwrap();
    good(other.cli("crl", &["push", "--ca", "devices", path(&crl)]));
    let said = good(other.cli("state", &["import", path(&file)]));
    assert!(
        said.stdout.contains("WARNING a pushed CRL is left out: ") && said.stdout.contains("older"),
        "{said:?}"
    );
    assert_eq!(status(), 200);
}

#[test]
fn an_import_that_would_not_load_changes_nothing() {
    let site = Site::new();
    let gateway = start(&site);
    store_resources(&gateway);
    let text = export(&gateway, &["--with-secrets"]);
    let revision = gateway.status()["revision"].clone();
    let file = gateway.folder().join("state.json");
    let newer = text.replacen("\"version\":1", "\"version\":2", 1);
    for (text, expected) in [
        (text.replace("192.0.2.0/24", "nowhere"), "not a network"),
        (text.replace("\"ip_list\"", "\"no_list\""), "there is no kind of resource `no_list`"),
        (newer, "is of version 2"),
        ("{}".to_owned(), "not an export"),
    ] {
        fs::write(&file, text).unwrap();
        let said = gateway.cli("state", &["import", path(&file)]);
        assert!(said.code == 1 && said.stderr.contains(expected), "{expected}: {said:?}");
    }
    assert_eq!(gateway.status()["revision"], revision);
}

#[test]
fn a_gateway_that_does_not_run_is_exported_from_its_file() {
    let site = Site::new();
    let mut gateway = start(&site);
    store_resources(&gateway);
    gateway.signal(Signal::SIGTERM);
    gateway.wait();
    let said = good(cli("state", &gateway.config(), &["export"]));
    assert!(said.stdout.contains("office") && !said.stdout.contains("s3cret"), "{said:?}");
}
