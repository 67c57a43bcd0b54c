//! gRPC goes from device to origin as it is: metadata, trailers, statuses, and streams both ways.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use fleetgate_tests::gateway::{Gateway, Setup, quoted};
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::python;
use fleetgate_tests::site::Site;
use serde_json::{Value, json};

const SCRIPT: &str = "grpc_echo.py";

/// An echo by grpcio. Dropping it kills it.
struct Echo {
    process: Child,
    port: String,
}

impl Echo {
    fn start(python: &Path, tls: &[&Path]) -> Self {
        let mut command = python::script(python, SCRIPT);
        let mut process = command.arg("origin").args(tls).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, port: port.trim().to_owned() }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Scene {
    site: Site,
    python: PathBuf,
    gateway: Gateway,
    _echo: Echo,
}

impl Scene {
    /// An echo without TLS, or with TLS and the gateway's certificate.
    fn start(with_tls: bool) -> Option<Self> {
        let (site, python) = (Site::new(), python::interpreter()?);
        let elsewhere = |url: String, lines: &str| -> Setup {
            let before = format!("{:?}", site.origin.url());
            site.setup().replace(&before, &format!("{url:?}\norigin_http = \"2\"\n{lines}"))
        };
        let (echo, gateway) = if with_tls {
            let internal = Ca::root("Internal Root");
            let (server, own) = (internal.server(&["app.internal"]), internal.device("gateway-1"));
            let echo = Echo::start(&python, &[&server.certificate, &server.key, &internal.path]);
            let lines = format!(
                "origin_ca = {}\norigin_name = \"app.internal\"\norigin_certificate = {}\norigin_key = {}\n",
                quoted(&internal.path),
                quoted(&own.certificate),
                quoted(&own.key)
            );
            let setup = elsewhere(format!("https://127.0.0.1:{}", echo.port), &lines);
            (echo, Gateway::start(setup))
        } else {
            let echo = Echo::start(&python, &[]);
            let setup = elsewhere(format!("http://127.0.0.1:{}", echo.port), "");
            (echo, Gateway::start(setup))
        };
        Some(Self { gateway, site, python, _echo: echo })
    }

    fn call(&self, identity: Option<&Identity>, what: &str) -> Value {
        let (certificate, key) =
            identity.map_or_else(Default::default, |device| (device.certificate.clone(), device.key.clone()));
        let mut command = python::script(&self.python, SCRIPT);
        command.arg("device").arg(self.gateway.address().port().to_string());
        command.args([&self.site.servers.path, &certificate, &key]).arg(what);
        serde_json::from_str(&python::output(&mut command)).unwrap()
    }
}

#[test]
fn calls_streams_and_statuses_pass_over_tls_and_without() {
    for with_tls in [false, true] {
        let Some(scene) = Scene::start(with_tls) else { return };
        let device = Some(&scene.site.device);
        let sha256 = scene.site.device.sha256();
        assert_eq!(scene.call(device, "unary"), json!(["hello", "there", "there", sha256, "OK"]));
        // What has nothing but a head: the status is in it.
        assert_eq!(scene.call(device, "refuse"), json!(["FAILED_PRECONDITION", "not like this: 100 %"]));
        assert_eq!(scene.call(device, "unknown")[0], "UNIMPLEMENTED");
        assert_eq!(scene.call(device, "both"), true);
        assert_eq!(scene.call(device, "cancel"), "True");
        assert_eq!(scene.call(None, "refuse")[0], "PERMISSION_DENIED");
    }
}

#[test]
fn a_device_is_held_up_by_an_origin_that_does_not_read() {
    const ALL: u64 = 1000;
    let Some(scene) = Scene::start(false) else { return };
    let seen = scene.call(Some(&scene.site.device), "slow");
    assert_eq!((&seen["first"], &seen["rest"]), (&json!(65536), &json!((ALL - 1) * 65536)));
    // The windows of both connections and grpcio's own queues hold a few dozen.
    assert!(seen["held"].as_u64() < Some(ALL / 4), "{seen}");
}
