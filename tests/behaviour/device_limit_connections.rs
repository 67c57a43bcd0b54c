//! A device has so many connections at the same time and no more, over all workers; others have their own.

use fleetgate_tests::client::{Connection, Tls};
use fleetgate_tests::gateway::{Gateway, Host, Setup};
use fleetgate_tests::python;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::stream_site::StreamSite;
use fleetgate_tests::wait;
use serde_json::Value;

const LIMITED: &str = "fleetgate_device_limited_total";
const CONNECTIONS: [(&str, &str); 2] = [("host", HOST), ("limit", "connections")];

fn limited(setup: Setup) -> Setup {
    setup.table("limit", "connections = 2").table("server", "workers = 2")
}

fn connect(client: &Tls, gateway: &Gateway) -> Connection {
    client.connect(gateway.address(), HOST).unwrap()
}

#[test]
fn one_more_is_told_so_and_closed_until_another_is_gone() {
    let site = Site::new();
    let gateway = Gateway::start(limited(site.setup()));
    let (device, another) = (site.client(), site.anonymous().identity(&site.devices.device("device-2")));
    let status = |connection: &mut Connection| connection.get(HOST, "/").unwrap().status();
    let (mut first, mut second) = (connect(&device, &gateway), connect(&device, &gateway));
    assert_eq!((status(&mut first), status(&mut second)), (200, 200));

    let mut third = connect(&device, &gateway);
    let refused = third.get(HOST, "/").unwrap();
    assert_eq!((refused.status(), refused.header("connection")), (429, Some("close")), "{}", refused.text());
    assert_eq!(third.read_to_end().unwrap(), b"");
    assert_eq!(gateway.metric(LIMITED, &CONNECTIONS), 1);
    gateway.output().wait_access("the refusal", |line| line["reason"] == "limit_connections");
    assert_eq!(site.origin.requests().len(), 2);

    assert_eq!(status(&mut connect(&another, &gateway)), 200, "another device has its own");
    assert_eq!((status(&mut first), status(&mut second)), (200, 200), "those before go on");
    drop(first);
    wait::until("room for another", || (status(&mut connect(&device, &gateway)) == 200).then_some(()));
}

#[test]
fn one_more_that_asks_nothing_is_closed_soon() {
    let site = Site::new();
    let gateway = Gateway::start(limited(site.setup()).table("timeout", "handshake = \"1s\""));
    let _first = [(); 2].map(|()| {
        let mut connection = connect(&site.client(), &gateway);
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
        connection
    });
    let mut third = connect(&site.client(), &gateway);
    // Whatever it is told: it ends long before `timeout.request_header`.
    let _ = third.read_to_end();
    assert_eq!(gateway.metric(LIMITED, &CONNECTIONS), 1);
}

#[test]
fn a_connection_of_http2_is_told_and_closed_like_the_others() {
    let site = Site::new();
    let gateway = Gateway::start(limited(site.setup()));
    let Some(client) = site.http2(gateway.address()) else { return };
    let _others = [(); 2].map(|()| {
        let mut connection = connect(&site.client(), &gateway);
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
        connection
    });
    let result: Value = serde_json::from_str(&python::output(&mut client.command(&["last"]))).unwrap();
    assert_eq!((&result["stream"]["status"], &result["goaway"]), (&429.into(), &0.into()), "{result}");
}

fn streams(scene: &StreamSite, host: Host) -> Gateway {
    Gateway::start(limited(scene.setup_with(host)))
}

#[test]
fn one_stream_more_is_closed_before_its_origin_hears_of_it() {
    let scene = StreamSite::new();
    let gateway = streams(&scene, scene.host());
    let (first, _second) = (scene.connect(&gateway), scene.connect(&gateway));
    let mut third = connect(&scene.site.client(), &gateway);
    assert_eq!(third.read_to_end().unwrap(), b"");
    gateway.output().wait_access("the denial", |line| {
        line["event"] == "stream_start" && line["decision"] == "deny" && line["reason"] == "limit_connections"
    });
    assert!(scene.origin.try_accept().is_none());
    let another = scene.site.anonymous().identity(&scene.site.devices.device("device-2"));
    scene.connect_as(&another, &gateway);
    drop(first);
    wait::until("room for another", || {
        let mut device = connect(&scene.site.client(), &gateway);
        device.write(b"x").ok()?;
        device.finish().ok()?;
        gateway.metric(LIMITED, &CONNECTIONS);
        scene.origin.try_accept()
    });
}

#[test]
fn a_device_of_mqtt_is_told_that_its_quota_is_exceeded() {
    let scene = StreamSite::new();
    let gateway = streams(&scene, scene.host().line("[host.mqtt]"));
    let open = || {
        let mut device = connect(&scene.site.client(), &gateway);
        device.write(b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01x").unwrap();
        device
    };
    let _others = [(); 2].map(|()| (open(), scene.origin.accept()));
    let mut third = open();
    assert_eq!(third.read_to_end().unwrap(), b"\x20\x03\0\x97\0");
    assert_eq!(gateway.metric(LIMITED, &CONNECTIONS), 1);
}
