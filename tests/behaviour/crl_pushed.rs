//! A CRL that an operator pushes over the admin socket is in force at once, on new handshakes and on open connections. It
//! is checked like a file, kept over restarts, and never replaced by an older one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fleetgate_tests::gateway::{Gateway, Said, Setup};
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::site::{HOST, Site};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A gateway that keeps its state beside its configuration.
fn keeping(setup: Setup) -> Gateway {
    Gateway::start(setup.table("server", "state_dir = \".\""))
}

fn status(site: &Site, gateway: &Gateway, identity: &Identity) -> u16 {
    let client = site.anonymous().identity(identity);
    fleetgate_tests::wait::until("an answer", || {
        Some(client.connect(gateway.address(), HOST).ok()?.get(HOST, "/").ok()?.status())
    })
}

fn push(gateway: &Gateway, ca: &str, crl: impl AsRef<[u8]>) -> Said {
    let file = gateway.folder().join("pushed.crl");
    fs::write(&file, crl).unwrap();
    gateway.cli("crl", &["push", "--ca", ca, file.to_str().unwrap()])
}

fn must_push(gateway: &Gateway, ca: &str, crl: impl AsRef<[u8]>) {
    let said = push(gateway, ca, crl);
    assert!(said.code == 0 && !said.stdout.contains("WARNING"), "{said:?}");
}

fn restart(gateway: &mut Gateway) {
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    gateway.start_again();
}

fn kept(gateway: &Gateway) -> Vec<PathBuf> {
    let entries = fs::read_dir(gateway.folder().join("pushed"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn crl_status(gateway: &Gateway) -> Value {
    serde_json::from_str(&gateway.cli("crl", &["status", "--json"]).stdout).unwrap()
}

#[test]
fn it_acts_on_open_connections_survives_kills_and_reloads_and_is_taken_back() {
    let site = Site::new();
    let other = site.devices.device("device-2");
    let mut gateway = keeping(site.setup());
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    must_push(&gateway, "devices", site.devices.crl(5, &[&site.device]));
    assert!(connection.receive().is_err(), "the connection is closed without being asked anything");
    gateway.wait_metric(
        "fleetgate_connections_terminated_total",
        &[("host", HOST), ("reason", "revoked")],
        1,
    );
    let files = kept(&gateway);
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);

    let check = |gateway: &Gateway, when: &str| {
        assert_eq!(status(&site, gateway, &site.device), 403, "{when}");
        assert_eq!(status(&site, gateway, &other), 200, "{when}");
        let source = crl_status(gateway)[0]["sources"][0].clone();
        assert_eq!((&source["source"], &source["crls"][0]["number"]), (&"api".into(), &"5".into()), "{when}");
        assert_eq!(gateway.metric("fleetgate_crl_entries", &[("certificate", "devices")]), 1, "{when}");
    };
    check(&gateway, "at once");
    gateway.must_reload();
    check(&gateway, "after a reload");
    restart(&mut gateway);
    check(&gateway, "after a kill");
    let said = push(&gateway, "devices", site.devices.crl(4, &[]));
    assert!(said.code == 1 && said.stderr.contains("is older (number 4"), "{said:?}");
    let failures = [("certificate", "devices"), ("reason", "stale")];
    assert_eq!(gateway.metric("fleetgate_crl_load_failures_total", &failures), 1);
    check(&gateway, "after an older one");

    must_push(&gateway, "devices", site.devices.crl(6, &[&other]));
    assert_eq!((status(&site, &gateway, &site.device), status(&site, &gateway, &other)), (200, 403));
    assert_eq!(kept(&gateway).len(), 1, "the newer one is in its place");
    let said = gateway.cli("crl", &["remove", "--ca", "devices"]);
    assert!(said.code == 0 && said.stdout.contains("took back 1 CRLs"), "{said:?}");
    assert_eq!((status(&site, &gateway, &other), kept(&gateway).len()), (200, 0));
    restart(&mut gateway);
    assert_eq!(status(&site, &gateway, &other), 200, "taken back for good");
    assert_eq!(gateway.cli("crl", &["remove", "--ca", "devices"]).code, 1, "there is nothing more");
}

#[test]
fn what_no_file_may_hold_is_refused_with_the_remedy_and_changes_nothing() {
    let site = Site::new();
    let gateway = keeping(site.setup().table("crl", "max_size = 4096"));
    must_push(&gateway, "devices", site.devices.crl(1, &[&site.device]));
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("devices", b"garbage".to_vec(), "neither DER, PEM nor base64"),
        ("devices", vec![], "neither DER, PEM nor base64"),
        ("devices", Site::new().devices.crl(2, &[]), "the CRL for `devices` is not accepted: "),
        ("devices", site.devices.expired_crl(2, &[]), "has expired"),
        ("devices", vec![0x30; 4097], "4096 octets of crl.max_size"),
        ("nobody", site.devices.crl(2, &[]), "there are: `devices`"),
    ];
    for (ca, crl, expected) in cases {
        let said = push(&gateway, ca, crl);
        assert!(said.code == 1 && said.stderr.contains(expected), "{expected}: {said:?}");
        assert_eq!(status(&site, &gateway, &site.device), 403, "{expected}");
    }
    assert_eq!(kept(&gateway).len(), 1);
}

/// What is sent without a length is counted while it comes.
#[test]
fn a_body_beyond_the_configured_size_is_not_read_to_its_end() {
    let site = Site::new();
    let gateway = keeping(site.setup().table("crl", "max_size = 4096"));
    let folder = tempfile::TempDir::new().unwrap();
    let large = folder.path().join("large");
    // Nobody's disk is filled: it has no content.
    fs::File::create(&large).unwrap().set_len(1 << 32).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "20", "-H", "Transfer-Encoding: chunked", "-T"]).arg(&large);
    curl.arg("--unix-socket").arg(gateway.admin_socket()).arg("http://fleetgate/fleetgate/v1/crls/devices");
    let output = curl.args(["-w", "%{http_code} %{size_upload}"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let (reply, sent) = said.rsplit_once(' ').unwrap();
    assert!(reply.contains("crl.max_size") && reply.ends_with("413"), "{output:?}");
    assert!(sent.parse::<u64>().unwrap() < 1 << 24, "{output:?}");
    // The command line hears the refusal before it has sent anything, and not that a connection broke.
    let said = push(&gateway, "devices", vec![0x30; 1 << 24]);
    assert!(said.code == 1 && said.stderr.contains("crl.max_size"), "{said:?}");
}

#[test]
fn the_lists_of_several_cas_of_an_upload_stand_beside_each_other() {
    let site = Site::new();
    // Names like this have to survive a path.
    let name = "Fleet / devices #1?";
    let issuing = site.devices.intermediate("Issuing");
    let (device, other) = (issuing.device("device-3"), issuing.device("device-4"));
    let bundle = Ca::bundle(&[&issuing, &site.devices]);
    let mut gateway = keeping(site.untrusting().trust(name, &bundle, &[HOST]));
    must_push(&gateway, name, issuing.crl(1, &[&device]));
    must_push(&gateway, name, site.devices.crl(1, &[&site.device]));
    restart(&mut gateway);
    assert_eq!(status(&site, &gateway, &device), 403);
    assert_eq!(status(&site, &gateway, &site.device), 403);
    assert_eq!(status(&site, &gateway, &other), 200);
    assert_eq!(kept(&gateway).len(), 2);
    must_push(&gateway, name, site.devices.crl(2, &[]));
    assert_eq!((status(&site, &gateway, &device), status(&site, &gateway, &site.device)), (403, 200));
}

#[test]
fn without_a_state_dir_the_reply_says_that_it_ends_with_the_gateway_and_a_reload_is_no_end() {
    let site = Site::new();
    let mut gateway = site.start();
    let said = push(&gateway, "devices", site.devices.crl(1, &[&site.device]));
    assert!(said.code == 0 && said.stdout.contains("WARNING server.state_dir is not set"), "{said:?}");
    gateway.must_reload();
    assert_eq!(status(&site, &gateway, &site.device), 403);
    restart(&mut gateway);
    assert_eq!(status(&site, &gateway, &site.device), 200);
}

#[test]
fn what_cannot_be_kept_is_in_force_and_said_to_be_a_failure() {
    let site = Site::new();
    let gateway = keeping(site.setup());
    // A file in the folder's place stops root, too.
    fs::write(gateway.folder().join("pushed"), "in the way").unwrap();
    let said = push(&gateway, "devices", site.devices.crl(1, &[&site.device]));
    assert!(said.code == 1 && said.stdout.contains("WARNING in force until the gateway stops"), "{said:?}");
    assert_eq!(status(&site, &gateway, &site.device), 403);
}

#[test]
fn the_list_of_a_ca_that_is_gone_is_left_alone_and_counts_again_when_it_is_back() {
    let site = Site::new();
    let gateway = keeping(site.setup());
    must_push(&gateway, "devices", site.devices.crl(1, &[&site.device]));
    let setup = |ca: &Path, name: &str| {
        site.untrusting().trust(name, ca, &[HOST]).table("server", "state_dir = \".\"")
    };
    let unused = || {
        assert_eq!(kept(&gateway).len(), 1);
        let said = gateway.cli("crl", &["status"]);
        assert!(
            said.code == 0 && said.stdout.contains("devices: a CRL that was pushed for it is unused"),
            "{said:?}"
        );
        let ready = gateway.probe("/readyz").unwrap().text();
        assert!(ready.contains("pushed for `devices` is unused"), "{ready}");
    };
    // Another CA of the same name, and of another.
    for name in ["devices", "others"] {
        gateway.configure(&setup(&site.servers.path, name));
        gateway.must_reload();
        unused();
        gateway.configure(&setup(&site.devices.path, "devices"));
        gateway.must_reload();
        assert_eq!(status(&site, &gateway, &site.device), 403, "it counts again");
        let ready = gateway.probe("/readyz").unwrap().text();
        assert!(!ready.contains("unused"), "{ready}");
    }
    gateway.configure(&setup(&site.servers.path, "others"));
    gateway.must_reload();
    let said = gateway.cli("crl", &["remove", "--ca", "devices"]);
    assert!(said.code == 0 && kept(&gateway).is_empty(), "{said:?}");
    assert!(!gateway.probe("/readyz").unwrap().text().contains("unused"));
}

#[test]
fn a_ca_that_gets_another_name_keeps_its_list_under_that() {
    let site = Site::new();
    let mut gateway = keeping(site.untrusting());
    let must = |verb: &str, arguments: &[&str]| {
        let said = gateway.cli(verb, arguments);
        assert_eq!(said.code, 0, "{verb} {arguments:?}: {said:?}");
        said.stdout
    };
    must("cert", &["add", site.devices.path.to_str().unwrap(), "--name", "old", "--host", HOST]);
    let certificates: Value = serde_json::from_str(&must("cert", &["list", "--json"])).unwrap();
    let path = gateway.account(&format!("access/certificates/{}", certificates[0]["id"].as_str().unwrap()));
    must_push(&gateway, "old", site.devices.crl(5, &[&site.device]));
    let body = serde_json::json!({ "name": "new", "associated_hostnames": [HOST] });
    assert_eq!(gateway.admin("PUT", &path, Some(&body)).status(), 200);
    assert_eq!(status(&site, &gateway, &site.device), 403, "renamed");
    let ready = gateway.probe("/readyz").unwrap().text();
    assert!(!ready.contains("unused") && kept(&gateway).len() == 1, "{ready}");
    let said = push(&gateway, "new", site.devices.crl(4, &[]));
    assert!(said.code == 1 && said.stderr.contains("is older"), "{said:?}");
    restart(&mut gateway);
    assert_eq!(status(&site, &gateway, &site.device), 403, "after a kill");
    must_push(&gateway, "new", site.devices.crl(6, &[&site.device]));
    assert_eq!(kept(&gateway).len(), 1, "the newer one is in its place");
    let said = gateway.cli("crl", &["remove", "--ca", "new"]);
    assert!(said.code == 0 && kept(&gateway).is_empty(), "{said:?}");
    restart(&mut gateway);
    assert_eq!(status(&site, &gateway, &site.device), 200, "taken back for good");
}

#[test]
fn a_damaged_one_refuses_the_start_by_name() {
    let site = Site::new();
    let mut gateway = keeping(site.setup());
    must_push(&gateway, "devices", site.devices.crl(1, &[&site.device]));
    let file = kept(&gateway).remove(0);
    let bytes = fs::read(&file).unwrap();
    gateway.signal(Signal::SIGTERM);
    gateway.wait();
    for damaged in [&bytes[..bytes.len() - 1], b"{\"version\":2}", b""] {
        fs::write(&file, damaged).unwrap();
        let said = gateway.check();
        assert!(said.code == 1 && said.stdout.contains(" is damaged"), "{said:?}");
        let said = gateway.cli("run", &[]);
        assert!(
            said.code == 1 && said.stderr.contains(file.file_name().unwrap().to_str().unwrap()),
            "{said:?}"
        );
    }
    fs::write(&file, bytes).unwrap();
    gateway.start_again();
    assert_eq!(status(&site, &gateway, &site.device), 403);
}
