//! A certificate that a CRL lists is refused: on the next handshake, and on connections that are open.

use std::fs;
use std::path::PathBuf;

use fleetgate_tests::client::alert;
use fleetgate_tests::gateway::{Gateway, Setup, quoted};
use fleetgate_tests::pki::{Identity, Leaf};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use rustls::AlertDescription;
use tempfile::TempDir;

/// A site whose CA has a CRL file.
struct Scene {
    site: Site,
    folder: TempDir,
    other: Identity,
}

impl Scene {
    fn new() -> Self {
        let site = Site::new();
        let other = site.devices.device("device-2");
        Self { site, folder: TempDir::new().unwrap(), other }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("devices.crl")
    }

    /// Replaces the file as a careful operator does: all at once.
    fn put(&self, crl: impl AsRef<[u8]>) {
        let new = self.folder.path().join("new");
        fs::write(&new, crl).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    fn setup(&self, more: &str) -> Setup {
        self.setup_with(self.site.untrusting(), more)
    }

    fn setup_with(&self, setup: Setup, more: &str) -> Setup {
        let (ca, crl) = (quoted(&self.site.devices.path), quoted(&self.path()));
        setup.array(
            "mtls_certificate",
            format!("name = \"devices\"\ncertificate = {ca}\nassociated_hostnames = [{HOST:?}]\ncrl = [{crl}]\n{more}"),
        )
    }

    /// A connection that was begun just before a change may be closed by it; then the next one is asked.
    fn status(&self, gateway: &Gateway, identity: &Identity) -> u16 {
        let client = self.site.anonymous().identity(identity);
        wait::until("an answer", || {
            Some(client.connect(gateway.address(), HOST).ok()?.get(HOST, "/").ok()?.status())
        })
    }
}

#[test]
fn the_next_handshake_is_refused_with_the_reason_and_others_are_not() {
    let scene = Scene::new();
    scene.put(scene.site.devices.crl(1, &[&scene.site.device]));
    let gateway = Gateway::start(scene.setup(""));
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    assert_eq!(scene.status(&gateway, &scene.other), 200);
    gateway.output().wait_access("the denial", |line| {
        line["reason"] == "certificate_invalid" && line["certificate"] == "revoked"
    });
    assert_eq!(gateway.metric("fleetgate_crl_entries", &[("certificate", "devices")]), 1);
}

/// A CA may split its list. Who would be listed in a part that is not there is not known to be good.
#[test]
fn who_would_be_listed_in_a_part_that_is_not_loaded_is_refused_unless_the_ca_is_soft() {
    const PART: &str = "http://ca.example.com/1.crl";
    let scene = Scene::new();
    let listed_at = |url| scene.site.devices.issue(Leaf::device("device-3").listed_at(url));
    let (here, elsewhere) = (listed_at(PART), listed_at("http://ca.example.com/2.crl"));
    scene.put(scene.site.devices.crl(1, &[]));
    let gateway = Gateway::start(scene.setup(""));
    for device in [&here, &elsewhere, &scene.other] {
        assert_eq!(scene.status(&gateway, device), 200, "they are known while the list is whole");
    }
    scene.put(scene.site.devices.crl_shard(2, PART));
    let labels = [("certificate", "devices")];
    assert_eq!(gateway.cli("crl", &["reload"]).code, 0);
    assert_eq!(gateway.metric("fleetgate_crl_entries", &labels), 0);
    assert_eq!(scene.status(&gateway, &here), 200);
    for device in [&elsewhere, &scene.other] {
        assert_eq!(scene.status(&gateway, device), 403);
    }
    gateway.output().wait_access("the denial", |line| line["certificate"] == "crl_missing");
    assert_eq!(gateway.metric("fleetgate_crl_uncovered_passes_total", &[]), 0);
    gateway.configure(&scene.setup("crl_expired = \"soft\""));
    gateway.must_reload();
    assert_eq!(scene.status(&gateway, &elsewhere), 200);
    assert!(gateway.metric("fleetgate_crl_uncovered_passes_total", &[]) > 0);
    gateway.output().wait_log("the part of the CA's CRL that would list it is not loaded");
}

#[test]
fn a_known_device_is_revoked_while_it_is_connected() {
    let scene = Scene::new();
    scene.put(scene.site.devices.crl(1, &[]));
    let gateway = Gateway::start(scene.setup(""));
    let mut connection = scene.site.client().connect(gateway.address(), HOST).unwrap();
    let mut bystander =
        scene.site.anonymous().identity(&scene.other).connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    assert_eq!(bystander.get(HOST, "/").unwrap().status(), 200);

    scene.put(scene.site.devices.crl(2, &[&scene.site.device]));
    assert!(connection.receive().is_err(), "the connection is closed without being asked anything");
    let labels = [("host", HOST), ("reason", "revoked")];
    gateway.wait_metric("fleetgate_connections_terminated_total", &labels, 1);
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    assert_eq!(bystander.get(HOST, "/").unwrap().status(), 200, "others stay connected");
    assert_eq!(gateway.metrics().sum("fleetgate_connections_terminated_total", &[]), 1);
}

/// The time is printed, not asserted: `cargo nextest run -E 'test(every_connection_of_a_revoked_device)' --no-capture`.
#[test]
fn every_connection_of_a_revoked_device_is_closed() {
    const CONNECTIONS: usize = 300;
    let scene = Scene::new();
    scene.put(scene.site.devices.crl(1, &[]));
    let gateway = Gateway::start(scene.setup(""));
    let client = scene.site.client();
    let mut connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let mut connection = client.connect(gateway.address(), HOST).unwrap();
            assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
            connection
        })
        .collect();
    let begun = std::time::Instant::now();
    scene.put(scene.site.devices.crl(2, &[&scene.site.device]));
    for connection in &mut connections {
        assert!(connection.receive().is_err());
    }
    println!("{CONNECTIONS} connections closed {:.0?} after the CRL changed", begun.elapsed());
    let labels = [("host", HOST), ("reason", "revoked")];
    gateway.wait_metric("fleetgate_connections_terminated_total", &labels, CONNECTIONS as u64);
}

#[test]
fn a_require_host_ends_the_handshake_with_certificate_revoked() {
    let scene = Scene::new();
    scene.put(scene.site.devices.crl(1, &[&scene.site.device]));
    let host = scene.site.host().client_auth("require");
    let gateway = Gateway::start(scene.setup_with(Setup::default().host(host).devices_only(HOST), ""));
    let error = scene
        .site
        .client()
        .connect(gateway.address(), HOST)
        .and_then(|mut connection| connection.get(HOST, "/"));
    assert_eq!(alert(&error.unwrap_err()), Some(AlertDescription::CertificateRevoked));
}

#[test]
fn a_file_that_does_not_load_leaves_the_list_before_in_force_and_is_counted() {
    let scene = Scene::new();
    scene.put(scene.site.devices.crl(5, &[&scene.site.device]));
    let gateway = Gateway::start(scene.setup(""));
    let failures = |reason| [("certificate", "devices"), ("reason", reason)];
    let stranger = Site::new().devices;
    let cases = [
        ("encoding", b"garbage".to_vec()),
        ("not_verified", stranger.crl(9, &[])),
        ("stale", scene.site.devices.crl(4, &[])),
    ];
    for (reason, crl) in cases {
        scene.put(crl);
        gateway.wait_metric("fleetgate_crl_load_failures_total", &failures(reason), 1);
        assert_eq!(scene.status(&gateway, &scene.site.device), 403, "{reason}");
    }
    scene.put(scene.site.devices.crl(6, &[]));
    wait::until("the device to be pardoned", || {
        (scene.status(&gateway, &scene.site.device) == 200).then_some(())
    });
}

#[test]
fn a_start_with_a_crl_that_does_not_load_is_refused_with_its_place() {
    let scene = Scene::new();
    let cases = [
        (b"garbage".to_vec(), "devices.crl"),
        (Site::new().devices.crl(1, &[]), "devices.crl"),
        (scene.site.devices.expired_crl(1, &[]), "has expired"),
    ];
    for (crl, expected) in cases {
        scene.put(crl);
        let refusal = Gateway::try_start(scene.setup("")).err().expect("no start").stderr;
        assert!(refusal.contains(expected) && refusal.contains("fleetgate.toml:"), "{refusal}");
    }
}

/// An intermediate that its root revokes takes its devices with it, although their own certificates are listed nowhere.
#[test]
fn a_revoked_intermediate_takes_its_devices_with_it() {
    let scene = Scene::new();
    let issuing = scene.site.devices.intermediate("Issuing");
    let device = issuing.device("device-3");
    scene.put(scene.site.devices.crl(1, &[]));
    let gateway = Gateway::start(scene.setup(""));
    assert_eq!(scene.status(&gateway, &device), 200);
    scene.put(scene.site.devices.crl_of_cas(2, &[&issuing]));
    wait::until("the device to be refused", || (scene.status(&gateway, &device) == 403).then_some(()));
    assert_eq!(scene.status(&gateway, &scene.other), 200);
}

#[test]
fn an_expired_crl_keeps_denying_what_it_lists_where_its_ca_is_soft_about_it() {
    let scene = Scene::new();
    scene.put(scene.site.devices.expired_crl(1, &[&scene.site.device]));
    let gateway = Gateway::start(scene.setup("crl_expired = \"soft\""));
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    assert_eq!(scene.status(&gateway, &scene.other), 200);
}
