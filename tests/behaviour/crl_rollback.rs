//! The newest CRL that was accepted of a CA is remembered: an older one is refused over restarts too, until an operator has
//! the gateway forget it, because the CA has started its numbers again.

use std::fs;
use std::path::PathBuf;

use fleetgate_tests::gateway::{Gateway, Setup, quoted};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use nix::sys::signal::Signal;
use tempfile::TempDir;

/// A site whose CA has its CRL in a file, and a gateway that keeps its state beside its configuration.
struct Scene {
    site: Site,
    folder: TempDir,
}

impl Scene {
    /// One with a list of this number, which revokes the device.
    fn new(number: u64) -> Self {
        let scene = Self { site: Site::new(), folder: TempDir::new().unwrap() };
        scene.put(scene.site.devices.crl(number, &[&scene.site.device]));
        scene
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("devices.crl")
    }

    fn put(&self, crl: impl AsRef<[u8]>) {
        let new = self.folder.path().join("new");
        fs::write(&new, crl).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    fn setup(&self) -> Setup {
        let (ca, crl) = (quoted(&self.site.devices.path), quoted(&self.path()));
        let certificate = format!(
            "name = \"devices\"\ncertificate = {ca}\nassociated_hostnames = [{HOST:?}]\ncrl = [{crl}]"
        );
        self.site.untrusting().array("mtls_certificate", certificate).table("server", "state_dir = \".\"")
    }

    fn status(&self, gateway: &Gateway) -> u16 {
        let client = self.site.client();
        wait::until("an answer", || {
            Some(client.connect(gateway.address(), HOST).ok()?.get(HOST, "/").ok()?.status())
        })
    }
}

fn stop(gateway: &mut Gateway) {
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
}

const STALE: [(&str, &str); 2] = [("certificate", "devices"), ("reason", "stale")];

#[test]
fn an_older_file_refuses_the_start_after_one_that_was_in_force_before_it() {
    let scene = Scene::new(5);
    let mut gateway = Gateway::start(scene.setup());
    scene.put(scene.site.devices.crl(6, &[&scene.site.device]));
    wait::until("the newer list", || {
        gateway.cli("crl", &["status"]).stdout.contains("number 6").then_some(())
    });
    wait::until("what is remembered", || {
        fs::read_to_string(gateway.folder().join("newest.json")).unwrap().contains("\"6\"").then_some(())
    });
    stop(&mut gateway);
    scene.put(scene.site.devices.crl(5, &[]));
    let said = gateway.cli("run", &[]);
    let expected = ["is older (number 5", "newest that was accepted (number 6", "newest.json", "crl forget"];
    assert!(said.code == 1 && expected.iter().all(|part| said.stderr.contains(part)), "{said:?}");
    let said = gateway.check();
    assert!(said.code == 1 && said.stdout.contains("is older (number 5"), "{said:?}");
    scene.put(scene.site.devices.crl(6, &[&scene.site.device]));
    gateway.start_again();
    assert_eq!(scene.status(&gateway), 403);
    // The way out that the refusal names.
    stop(&mut gateway);
    scene.put(scene.site.devices.crl(5, &[]));
    fs::remove_file(gateway.folder().join("newest.json")).unwrap();
    gateway.start_again();
    assert_eq!(scene.status(&gateway), 200);
}

#[test]
fn a_ca_that_has_started_its_numbers_again_is_taken_once_the_gateway_was_told_to_forget() {
    let scene = Scene::new(100);
    let mut gateway = Gateway::start(scene.setup());
    scene.put(scene.site.devices.crl(1, &[]));
    gateway.wait_metric("fleetgate_crl_load_failures_total", &STALE, 1);
    assert_eq!(scene.status(&gateway), 403, "not before");
    let said = gateway.cli("crl", &["forget", "--ca", "devices"]);
    assert!(said.code == 0 && said.stdout.contains("number 1,"), "{said:?}");
    assert_eq!(scene.status(&gateway), 200);
    stop(&mut gateway);
    gateway.start_again();
    assert_eq!(scene.status(&gateway), 200, "after a restart too");
    scene.put(scene.site.devices.crl(0, &[]));
    gateway.wait_metric("fleetgate_crl_load_failures_total", &STALE, 1);
    let said = gateway.cli("crl", &["forget", "--ca", "nobody"]);
    assert!(said.code == 1 && said.stderr.contains("there are: `devices`"), "{said:?}");
}

#[test]
fn a_list_that_was_taken_out_and_comes_back_older_is_refused() {
    let scene = Scene::new(5);
    let gateway = Gateway::start(scene.setup());
    gateway.configure(&scene.setup().replace("crl = [", "# crl = ["));
    gateway.must_reload();
    assert_eq!(scene.status(&gateway), 200);
    scene.put(scene.site.devices.crl(4, &[]));
    gateway.configure(&scene.setup());
    let said = gateway.reload();
    assert!(said.code == 1 && said.stdout.contains("is older (number 4"), "{said:?}");
    let push = |number| {
        let file = scene.folder.path().join("pushed");
        fs::write(&file, scene.site.devices.crl(number, &[])).unwrap();
        gateway.cli("crl", &["push", "--ca", "devices", file.to_str().unwrap()])
    };
    let said = push(4);
    assert!(said.code == 1 && said.stderr.contains("is older (number 4"), "{said:?}");
    assert_eq!((push(6).code, gateway.cli("crl", &["remove", "--ca", "devices"]).code), (0, 0));
    assert_eq!(push(5).code, 1, "what was pushed and removed is remembered");
    assert_eq!(gateway.cli("crl", &["forget", "--ca", "devices"]).code, 0);
    gateway.must_reload();
}

#[test]
fn what_is_damaged_refuses_the_start_by_name() {
    let scene = Scene::new(5);
    let mut gateway = Gateway::start(scene.setup());
    stop(&mut gateway);
    fs::write(gateway.folder().join("newest.json"), "{\"version\":1,\"ne").unwrap();
    let said = gateway.cli("run", &[]);
    assert!(said.code == 1 && said.stderr.contains("newest.json is damaged"), "{said:?}");
}
