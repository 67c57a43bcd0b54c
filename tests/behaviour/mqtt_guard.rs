//! Behind the MQTT guard, a device is the client that its certificate says, or none.

use std::path::PathBuf;

use fleetgate_tests::client::Tls;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::mosquitto::Mosquitto;
use fleetgate_tests::site::HOST;
use fleetgate_tests::stream_site::StreamSite;
use fleetgate_tests::{python, skip, wait};
use serde_json::{Value, json};

/// A device by paho-mqtt: connects, subscribes, and publishes a message of some size to itself.
const DEVICE: &str = "mqtt_device.py";

/// What a broker says in MQTT 5, and what paho makes of the codes of 3.1.1.
const NOT_AUTHORIZED: u8 = 0x87;
const CLIENT_ID_NOT_VALID: u8 = 0x85;
const BAD_USER_NAME: u8 = 0x86;
const PACKET_TOO_LARGE: u8 = 0x95;
const CONNECTION_RATE_EXCEEDED: u8 = 0x9f;

/// A gateway with a guard in front of a broker.
struct Scene {
    around: StreamSite,
    broker: Mosquitto,
    gateway: Gateway,
    python: PathBuf,
}

impl Scene {
    /// `None` where the programs are missing.
    fn start(settings: &str) -> Option<Self> {
        let python = python::interpreter()?;
        if !skip::unless_installed("mosquitto") {
            return None;
        }
        let (scene, broker) = (StreamSite::new(), Mosquitto::start());
        let host = scene.host_to(&broker.url()).line(&format!("[host.mqtt]\n{settings}"));
        let gateway = Gateway::start(scene.setup_with(host));
        Some(Self { around: scene, broker, gateway, python })
    }

    /// What happens to a device with a version of MQTT, a client identifier, a user name and the size of its message.
    fn device(&self, version: &str, client_id: &str, username: &str, size: &str) -> Value {
        let pki = &self.around.site;
        let port = self.gateway.address().port().to_string();
        let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        let files = [&pki.servers.path, &pki.device.certificate, &pki.device.key].map(|file| path(file));
        let [ca, certificate, key] = &files;
        let arguments = [&*port, ca, certificate, key, version, client_id, username, size];
        serde_json::from_str(&python::output(python::script(&self.python, DEVICE).args(arguments))).unwrap()
    }

    fn refused(&self, reason: &str) {
        let labels = [("host", HOST), ("reason", reason)];
        self.gateway.wait_metric("fleetgate_mqtt_refusals_total", &labels, 1);
    }
}

#[test]
fn a_client_with_the_name_of_its_certificate_reaches_the_broker() {
    let Some(scene) = Scene::start("client_id = \"common_name\"\nusername = \"common_name\"") else { return };
    for version in ["4", "5"] {
        let events = scene.device(version, "device-1", "device-1", "100000");
        assert_eq!(events, json!([["connack", 0], ["message", 100_000]]), "{version}");
    }
    let clients =
        wait::until("both in the broker's log", || Some(scene.broker.clients()).filter(|c| c.len() == 2));
    assert!(clients.iter().all(|line| line.contains("as device-1 ")), "{clients:?}");
}

#[test]
fn one_with_another_name_never_does_and_is_told_why() {
    let Some(scene) = Scene::start("client_id = \"common_name\"\nusername = \"common_name\"") else { return };
    for version in ["4", "5"] {
        assert_eq!(
            scene.device(version, "device-2", "device-1", "1"),
            json!([["connack", CLIENT_ID_NOT_VALID]])
        );
        for username in ["device-2", ""] {
            let events = scene.device(version, "device-1", username, "1");
            assert_eq!(events, json!([["connack", BAD_USER_NAME]]), "{version} {username}");
        }
    }
    scene.refused("mqtt_client_id");
    scene.refused("mqtt_username");
    scene.gateway.output().wait_access("the refusal", |line| {
        line["event"] == "stream_start" && line["decision"] == "deny" && line["reason"] == "mqtt_client_id"
    });
    assert_eq!(scene.broker.clients(), [""; 0]);
}

#[test]
fn a_user_name_that_is_set_is_the_one_that_the_broker_hears() {
    let Some(scene) = Scene::start("set_username = \"common_name\"") else { return };
    for (version, username) in [("4", "somebody"), ("5", "somebody"), ("4", ""), ("5", "")] {
        let events = scene.device(version, "x", username, "10");
        assert_eq!(events, json!([["connack", 0], ["message", 10]]), "{version} {username}");
    }
    let clients =
        wait::until("all in the broker's log", || Some(scene.broker.clients()).filter(|c| c.len() == 4));
    assert!(clients.iter().all(|line| line.contains("u'device-1'")), "{clients:?}");
}

#[test]
fn a_packet_that_is_too_large_ends_the_stream_with_its_reason() {
    let Some(scene) = Scene::start("max_packet = 1000") else { return };
    let events = scene.device("5", "x", "", "5000");
    assert_eq!(events, json!([["connack", 0], ["disconnect", PACKET_TOO_LARGE]]));
    let events = scene.device("4", "x", "", "5000");
    assert_eq!(events[1][0], "disconnect", "{events}");
    scene.refused("mqtt_too_large");
    scene.gateway.wait_metric("fleetgate_streams_total", &[("host", HOST), ("reason", "mqtt_too_large")], 2);
    assert_eq!(scene.device("5", &"x".repeat(2000), "", "1"), json!([["connack", PACKET_TOO_LARGE]]));
}

#[test]
fn a_device_that_connects_too_often_has_to_wait() {
    let Some(scene) = Scene::start("connect_rate = \"1/s burst 1\"") else { return };
    let connect = |client: &Tls| {
        let mut device = client.connect(scene.gateway.address(), HOST).unwrap();
        device.write(b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01x").unwrap();
        device.read(4).unwrap()[3]
    };
    let device = scene.around.site.client();
    wait::until("a refusal", || (connect(&device) == CONNECTION_RATE_EXCEEDED).then_some(()));
    let another = scene.around.site.anonymous().identity(&scene.around.site.devices.device("device-2"));
    assert_eq!(connect(&another), 0, "each has its own");
}

#[test]
fn whom_policy_denies_is_told_so_in_mqtt() {
    let Some(scene) = Scene::start("client_id = \"common_name\"") else { return };
    let host = scene.around.host_to(&scene.broker.url()).line("[host.mqtt]");
    let setup = fleetgate_tests::gateway::Setup::default().host(host).devices_only(HOST);
    scene.gateway.configure(&setup);
    scene.gateway.must_reload();
    for version in ["4", "5"] {
        assert_eq!(scene.device(version, "device-1", "", "1"), json!([["connack", NOT_AUTHORIZED]]));
    }
    assert_eq!(scene.broker.clients(), [""; 0]);
}

#[test]
fn what_is_not_mqtt_ends_there() {
    let Some(scene) = Scene::start("client_id = \"common_name\"") else { return };
    let mut device = scene.around.site.client().connect(scene.gateway.address(), HOST).unwrap();
    device.write(b"GET / HTTP/1.1\r\nHost: iot.example.com\r\n\r\n").unwrap();
    assert_eq!(device.read_to_end().unwrap(), b"");
    scene.refused("mqtt_not_mqtt");
}

#[test]
fn a_guard_that_asks_for_more_ends_the_streams_that_it_did_not_ask() {
    let Some(scene) = Scene::start("client_id = \"any\"") else { return };
    let mut device = scene.around.site.client().connect(scene.gateway.address(), HOST).unwrap();
    device.write(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x").unwrap();
    assert_eq!(device.read(4).unwrap(), [0x20, 2, 0, 0]);
    let host = scene.around.host_to(&scene.broker.url()).line("[host.mqtt]\nclient_id = \"common_name\"");
    scene.gateway.configure(&scene.around.setup_with(host));
    scene.gateway.must_reload();
    assert_eq!(device.read_to_end().unwrap(), b"");
    let lost = [("host", HOST), ("reason", "mqtt_changed")];
    scene.gateway.wait_metric("fleetgate_connections_terminated_total", &lost, 1);
}
