//! CRLs at URLs: fetched at start and again and again, kept over restarts, and never replaced by something worse.

use std::io;
use std::path::PathBuf;

use fleetgate_tests::crl_server::CrlServer;
use fleetgate_tests::gateway::{Gateway, Setup, quoted};
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use nix::sys::signal::Signal;

/// A site whose CA has its CRL on a web server.
struct Scene {
    site: Site,
    server: CrlServer,
    other: Identity,
}

impl Scene {
    fn new() -> Self {
        let site = Site::new();
        let server = CrlServer::start(&site.servers.server(&["localhost"]));
        let other = site.devices.device("device-2");
        Self { site, server, other }
    }

    fn ca(&self) -> PathBuf {
        self.site.servers.path.clone()
    }

    fn certificate(&self, more: &str) -> String {
        let (ca, url) = (quoted(&self.site.devices.path), self.server.url());
        format!(
            "name = \"devices\"\ncertificate = {ca}\nassociated_hostnames = [{HOST:?}]\ncrl = [{url:?}]\n{more}"
        )
    }

    fn setup(&self, certificate: &str, crl: &str) -> Setup {
        let settings = format!("ca = {}\nrefresh = \"500ms\"\ntimeout = \"5s\"\n{crl}", quoted(&self.ca()));
        let setup = self.site.untrusting().array("mtls_certificate", self.certificate(certificate));
        setup.table("crl", &settings).table("server", "state_dir = \".\"")
    }

    fn start(&self) -> Gateway {
        Gateway::start(self.setup("", "allow_private = true"))
    }

    fn status(&self, gateway: &Gateway, identity: &Identity) -> u16 {
        self.try_status(gateway, identity).unwrap()
    }

    fn try_status(&self, gateway: &Gateway, identity: &Identity) -> io::Result<u16> {
        let client = self.site.anonymous().identity(identity);
        Ok(client.connect(gateway.address(), HOST).unwrap().get(HOST, "/")?.status())
    }

    fn wait_status(&self, gateway: &Gateway, expected: u16) {
        wait::until(&format!("{expected} for the device"), || {
            // A list that comes between handshake and request ends the connection.
            let status = self.try_status(gateway, &self.site.device).ok();
            (status == Some(expected)).then_some(())
        });
    }
}

fn failures(reason: &str) -> [(&str, &str); 2] {
    [("certificate", "devices"), ("reason", reason)]
}

#[test]
fn a_list_is_fetched_at_start_and_what_is_new_acts_on_open_connections_too() {
    let scene = Scene::new();
    scene.server.put(Some(scene.site.devices.crl(1, &[&scene.other])));
    let gateway = scene.start();
    assert_eq!(scene.status(&gateway, &scene.other), 403);
    let mut connection = scene.site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    // Whoever has the list is not sent it again.
    wait::until("an answer that nothing changed", || (scene.server.unchanged() > 1).then_some(()));
    assert_eq!(scene.server.sent(), 1);

    scene.server.put(Some(scene.site.devices.crl(2, &[&scene.other, &scene.site.device])));
    assert!(connection.receive().is_err(), "the connection is closed without being asked anything");
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    assert_eq!(gateway.metric("fleetgate_crl_entries", &[("certificate", "devices")]), 2);
    assert!(
        gateway.metric("fleetgate_crl_last_success_timestamp_seconds", &[("certificate", "devices")]) > 0
    );
}

#[test]
fn what_is_worse_than_the_list_that_is_there_does_not_replace_it_and_is_counted() {
    let scene = Scene::new();
    scene.server.put(Some(scene.site.devices.crl(5, &[&scene.site.device])));
    let gateway = scene.start();
    let cases = [
        ("encoding", Some(b"garbage".to_vec())),
        ("not_verified", Some(Site::new().devices.crl(9, &[]))),
        ("stale", Some(scene.site.devices.crl(4, &[]))),
        ("status", None),
    ];
    for (reason, list) in cases {
        scene.server.put(list);
        gateway.wait_metric("fleetgate_crl_load_failures_total", &failures(reason), 1);
        assert_eq!(scene.status(&gateway, &scene.site.device), 403, "{reason}");
    }
    let ready = gateway.probe("/readyz").unwrap();
    assert!(ready.status() == 200 && ready.text().contains("CRL not loaded"), "{}", ready.text());
    scene.server.put(Some(scene.site.devices.crl(6, &[])));
    scene.wait_status(&gateway, 200);
}

#[test]
fn the_last_good_list_is_in_force_after_a_restart_without_the_server_and_nothing_older_is_believed() {
    let scene = Scene::new();
    scene.server.put(Some(scene.site.devices.crl(5, &[&scene.site.device])));
    let mut gateway = scene.start();
    scene.server.put(None);
    let restart = |gateway: &mut Gateway| {
        gateway.signal(Signal::SIGTERM);
        gateway.wait();
        gateway.start_again();
    };
    restart(&mut gateway);
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    scene.server.put(Some(scene.site.devices.crl(4, &[])));
    restart(&mut gateway);
    assert_eq!(gateway.metric("fleetgate_crl_load_failures_total", &failures("stale")), 1);
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    scene.server.put(Some(scene.site.devices.crl(6, &[])));
    scene.wait_status(&gateway, 200);
}

#[test]
fn what_was_kept_of_a_url_goes_when_the_url_has_left_the_configuration() {
    let scene = Scene::new();
    scene.server.put(Some(scene.site.devices.crl(5, &[])));
    let gateway = scene.start();
    let folder = gateway.folder().join("crl");
    let kept = || std::fs::read_dir(&folder).unwrap().count();
    std::fs::write(folder.join("notes.txt"), "somebody's").unwrap();
    assert_eq!(kept(), 2);
    gateway.must_reload();
    assert_eq!(kept(), 2, "it is configured");
    let setup = scene.setup("", "allow_private = true");
    gateway.configure(&setup.clone().replace("crl = [", "crl = [\"https://localhost:1/refused.crl\"]\n# "));
    assert_eq!((gateway.reload().code, kept()), (1, 2), "a refused reload changes nothing");
    gateway.configure(&setup.replace("crl = [", "# crl = ["));
    gateway.must_reload();
    assert_eq!(kept(), 1, "somebody's notes stay");
}

#[test]
fn without_any_list_a_strict_ca_refuses_the_start_and_a_lenient_one_waits_for_it() {
    let scene = Scene::new();
    let refusal = Gateway::try_start(scene.setup("", "allow_private = true")).err().expect("no start").stderr;
    assert!(refusal.contains("fleetgate.toml:") && refusal.contains("503"), "{refusal}");
    let setup = scene.setup("crl_expired = \"soft\"", "allow_private = true");
    let gateway = Gateway::start(setup);
    assert_eq!(gateway.metric("fleetgate_crl_load_failures_total", &failures("status")), 1);
    assert_eq!(scene.status(&gateway, &scene.site.device), 200);
    scene.server.put(Some(scene.site.devices.crl(1, &[&scene.site.device])));
    scene.wait_status(&gateway, 403);
}

#[test]
fn a_reload_that_adds_a_url_waits_for_its_list_or_is_refused() {
    let scene = Scene::new();
    let gateway = scene.site.start();
    let untouched = scene.setup("", "allow_private = true").table("server", "");
    gateway.configure(&untouched);
    let said = gateway.reload();
    assert!(said.code == 1 && said.stdout.contains("503"), "{said:?}");
    assert_eq!(scene.status(&gateway, &scene.site.device), 200, "the old configuration serves");
    scene.server.put(Some(scene.site.devices.crl(1, &[&scene.site.device])));
    gateway.must_reload();
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    // What is looked after already is not asked for again, and does not stand in the way.
    scene.server.put(None);
    gateway.must_reload();
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
}

#[test]
fn addresses_of_ones_own_network_are_not_asked_unless_that_is_allowed() {
    let scene = Scene::new();
    scene.server.put(Some(scene.site.devices.crl(1, &[])));
    let refusal = Gateway::try_start(scene.setup("", "")).err().expect("no start").stderr;
    assert!(refusal.contains("no public address") && refusal.contains("crl.allow_private"), "{refusal}");
    assert_eq!(scene.server.sent(), 0);
}

#[test]
fn servers_need_a_certificate_of_a_ca_that_is_trusted_for_it_and_plain_http_is_refused() {
    let scene = Scene::new();
    scene.server.put(Some(scene.site.devices.crl(1, &[])));
    let stranger = Site::new();
    let ca = quoted(&stranger.servers.path);
    let setup = scene.setup("", "allow_private = true").replace(&quoted(&scene.ca()), &ca);
    let refusal = Gateway::try_start(setup).err().expect("no start").stderr;
    assert!(refusal.contains("TLS: invalid peer certificate"), "{refusal}");
    let setup = scene.setup("", "allow_private = true").replace("https://localhost", "http://localhost");
    let refusal = Gateway::try_start(setup).err().expect("no start").stderr;
    assert!(refusal.contains("http is not accepted here"), "{refusal}");
    assert_eq!(scene.server.sent(), 0);
}

#[test]
fn an_answer_beyond_the_configured_size_is_refused() {
    let scene = Scene::new();
    scene.server.put(Some(vec![0x30; 5000]));
    let setup = scene.setup("", "allow_private = true\nmax_size = 4096");
    let refusal = Gateway::try_start(setup).err().expect("no start").stderr;
    assert!(refusal.contains("4096 octets of crl.max_size"), "{refusal}");
}

#[test]
fn a_list_that_expires_refuses_the_devices_of_a_strict_ca_until_there_is_a_new_one() {
    let scene = Scene::new();
    scene.server.put(Some(scene.site.devices.expired_crl(1, &[])));
    let gateway = scene.start();
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    gateway.output().wait_access("the denial", |line| line["certificate"] == "crl_expired");
    scene.server.put(Some(scene.site.devices.crl(2, &[])));
    scene.wait_status(&gateway, 200);
}

#[test]
fn the_distribution_point_of_an_intermediate_is_followed_where_its_ca_is_marked_for_it() {
    let scene = Scene::new();
    let issuing = scene.site.devices.intermediate_with_crl_at("Issuing", &scene.server.url());
    let device = issuing.device("device-3");
    scene.server.put(Some(scene.site.devices.crl_of_cas(1, &[&issuing])));
    let bundle = Ca::bundle(&[&issuing, &scene.site.devices]);
    let certificate = |more: &str| {
        let bundle = quoted(&bundle);
        format!("name = \"devices\"\ncertificate = {bundle}\nassociated_hostnames = [{HOST:?}]\n{more}")
    };
    let settings = format!("ca = {}\nallow_private = true", quoted(&scene.ca()));
    let setup =
        |more| scene.site.untrusting().array("mtls_certificate", certificate(more)).table("crl", &settings);
    let gateway = Gateway::start(setup(""));
    assert_eq!(scene.status(&gateway, &device), 200);
    gateway.configure(&setup("crl_distribution_points = true"));
    gateway.must_reload();
    assert_eq!(scene.status(&gateway, &device), 403);
    assert_eq!(scene.status(&gateway, &scene.site.device), 200, "its root still issues");
}

#[test]
fn a_look_at_all_sources_can_be_asked_for() {
    let scene = Scene::new();
    scene.server.put(Some(scene.site.devices.crl(1, &[])));
    let setup = scene.setup("", "allow_private = true").replace("refresh = \"500ms\"", "refresh = \"1h\"");
    let gateway = Gateway::start(setup);
    scene.server.put(Some(scene.site.devices.crl(2, &[&scene.site.device])));
    let said = gateway.cli("crl", &["reload"]);
    assert!(said.code == 0 && said.stdout.contains("1 entries, number 2"), "{said:?}");
    assert_eq!(scene.status(&gateway, &scene.site.device), 403);
    scene.server.put(None);
    let said = gateway.cli("crl", &["reload"]);
    assert!(said.code == 1 && said.stdout.contains("503"), "{said:?}");
    assert_eq!(gateway.cli("crl", &["status"]).code, 0);
}
