//! A WebSocket goes from device to origin as it is, for as long as the device may be there.

use std::time::Duration;

use fleetgate_tests::gateway::{Gateway, Setup, quoted};
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::websocket::{WebSocketDevice, WebSocketOrigin};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

struct Scene {
    site: Site,
    origin: WebSocketOrigin,
}

impl Scene {
    fn new() -> Option<Self> {
        Some(Self { origin: WebSocketOrigin::start()?, site: Site::new() })
    }

    fn setup(&self) -> Setup {
        self.site.setup().replace(&self.site.origin.url(), &self.origin.url())
    }

    fn start_with(&self, table: &str, content: &str) -> Gateway {
        Gateway::start(self.setup().table(table, content))
    }

    fn device(&self, gateway: &Gateway, identity: Option<&Identity>, what: &str) -> WebSocketDevice {
        WebSocketDevice::start(&self.site, gateway.address(), identity, "/feed?x=y", what).unwrap()
    }

    /// A device whose WebSocket is open, and waits for its end.
    fn waiting(&self, gateway: &Gateway) -> WebSocketDevice {
        let mut device = self.device(gateway, Some(&self.site.device), "wait");
        assert_eq!(device.says(), json!({ "echo": "hello" }));
        device
    }
}

fn ended(gateway: &Gateway, reason: &str) -> Value {
    gateway.wait_metric("fleetgate_streams_total", &[("host", HOST), ("reason", reason)], 1);
    gateway.output().wait_access("the end", |line| line["event"] == "stream_end" && line["reason"] == reason)
}

#[test]
fn messages_go_both_ways_and_either_side_closes() {
    let Some(scene) = Scene::new() else { return };
    let gateway = Gateway::start(scene.setup());
    let device = Some(&scene.site.device);
    assert_eq!(scene.device(&gateway, device, "echo").says(), json!([true, true]));
    assert_eq!(scene.origin.wait("closed"), json!({ "closed": 4000 }));
    let opened = scene.origin.wait("opened");
    assert_eq!(opened["opened"], "/feed?x=y");
    let header = |name: &str| {
        let headers = opened["headers"].as_object().unwrap();
        headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    assert_eq!(header("cf-client-cert-sha256"), Some(scene.site.device.sha256().into()));
    assert_eq!((header("connection"), header("upgrade")), (Some("upgrade".into()), Some("websocket".into())));

    // Python closes without a close_notify.
    let end = gateway.output().wait_access("the end", |line| line["event"] == "stream_end");
    assert!(end["reason"] == "closed" || end["reason"] == "device_lost", "{end}");
    assert!(end["received"].as_u64() > Some(1024) && end["sent"].as_u64() > Some(1024), "{end}");
    let start = gateway.output().wait_access("the request", |line| line["event"] == "request");
    assert_eq!((&start["ray_id"], &start["status"]), (&end["ray_id"], &json!(101)));
    assert_eq!(gateway.metric("fleetgate_streams_active", &[("host", HOST)]), 0);
    assert_eq!(gateway.metrics().sum("fleetgate_streams_total", &[("host", HOST)]), 1);

    assert_eq!(scene.device(&gateway, device, "closed_by_origin").says(), json!({ "code": 4001 }));
}

#[test]
fn frames_that_no_buffer_holds_arrive_whole() {
    let Some(scene) = Scene::new() else { return };
    let gateway = Gateway::start(scene.setup());
    let mut device = scene.device(&gateway, Some(&scene.site.device), "big");
    assert_eq!(device.says(), json!([true, true, true]));
}

#[test]
fn an_origin_may_speak_tls() {
    let internal = Ca::root("Internal Root");
    let Some(origin) = WebSocketOrigin::start_tls(&internal.server(&["app.internal"])) else { return };
    let site = Site::new();
    let before = format!("{:?}", site.origin.url());
    let trusted = format!("origin_ca = {}\norigin_name = \"app.internal\"\n", quoted(&internal.path));
    let setup = site.setup().replace(&before, &format!("{:?}\n{trusted}", origin.url_with("https")));
    let gateway = Gateway::start(setup);
    let device = WebSocketDevice::start(&site, gateway.address(), Some(&site.device), "/", "echo");
    assert_eq!(device.unwrap().says(), json!([true, true]));
}

#[test]
fn a_device_that_may_not_pass_never_reaches_the_origin() {
    let Some(scene) = Scene::new() else { return };
    let gateway = Gateway::start(scene.setup());
    let stranger = Ca::root("Other Root").device("device-1");
    for identity in [None, Some(&stranger)] {
        assert_eq!(scene.device(&gateway, identity, "echo").says(), json!({ "status": 403 }));
    }
    assert_eq!(scene.origin.said(), [Value::Null; 0]);
    assert_eq!(gateway.metrics().sum("fleetgate_origin_connections_total", &[]), 0);
}

#[test]
fn one_that_loses_its_permit_is_closed() {
    let Some(scene) = Scene::new() else { return };
    let gateway = scene.start_with("server", "state_dir = \".\"");
    let lost = |reason| [("host", HOST), ("reason", reason)];

    let mut device = scene.waiting(&gateway);
    let without =
        Setup::default().host(scene.site.host()).trust("devices", &scene.site.devices.path, &[HOST]);
    gateway.configure(&without.table("server", "state_dir = \".\""));
    gateway.must_reload();
    assert_eq!(device.says(), json!({ "code": null }));
    scene.origin.wait("closed");
    gateway.wait_metric("fleetgate_connections_terminated_total", &lost("no_application"), 1);
    ended(&gateway, "no_application");

    gateway.configure(&scene.setup().table("server", "state_dir = \".\""));
    gateway.must_reload();
    let mut device = scene.waiting(&gateway);
    assert_eq!(gateway.cli("device", &["deny", "--fingerprint", &scene.site.device.sha256()]).code, 0);
    assert_eq!(device.says(), json!({ "code": null }));
    ended(&gateway, "denied_locally");
}

#[test]
fn one_whose_certificate_runs_out_is_closed() {
    let Some(scene) = Scene::new() else { return };
    // A path ends with its anchor.
    let short = Ca::root_for("Short Root", Duration::from_secs(8));
    let device = short.device("device-1");
    let gateway = Gateway::start(scene.setup().trust("short", &short.path, &[HOST]));
    let mut device = scene.device(&gateway, Some(&device), "wait");
    assert_eq!(device.says(), json!({ "echo": "hello" }));
    assert_eq!(device.says(), json!({ "code": null }));
    let lost = [("host", HOST), ("reason", "anchor_expired")];
    gateway.wait_metric("fleetgate_connections_terminated_total", &lost, 1);
}

#[test]
fn a_reload_that_leaves_the_permit_leaves_it_open() {
    let Some(scene) = Scene::new() else { return };
    let mut gateway = Gateway::start(scene.setup().table("timeout", "drain = \"200ms\""));
    let mut device = scene.waiting(&gateway);
    gateway.configure(&scene.setup().table("timeout", "drain = \"300ms\""));
    gateway.must_reload();
    assert_eq!(gateway.metric("fleetgate_streams_active", &[("host", HOST)]), 1);
    // Nobody can tell when it is done: a drain leaves it until its deadline.
    gateway.signal(Signal::SIGTERM);
    assert_eq!(gateway.wait().code(), Some(0));
    gateway.output().wait_log("drain deadline passed");
    assert_eq!(device.says(), json!({ "code": null }));
}

#[test]
fn one_that_stands_still_or_lasts_too_long_is_closed() {
    let Some(scene) = Scene::new() else { return };
    for (timeout, reason) in [("stream_idle", "idle_timeout"), ("stream_total", "total_timeout")] {
        let gateway = scene.start_with("timeout", &format!("{timeout} = \"300ms\""));
        let mut device = scene.device(&gateway, Some(&scene.site.device), "until_closed");
        assert_eq!(device.says(), json!({ "code": null }));
        ended(&gateway, reason);
    }
}

#[test]
fn a_host_can_do_without() {
    let Some(scene) = Scene::new() else { return };
    let gateway = Gateway::start(scene.setup().replace("origin = ", "upgrades = []\norigin = "));
    // The origin gets a request like any other, and says that it wants a WebSocket.
    let mut device = scene.device(&gateway, Some(&scene.site.device), "echo");
    assert_eq!(device.says(), json!({ "status": 426 }));
    assert_eq!(gateway.metrics().sum("fleetgate_streams_total", &[]), 0);
}
