//! Behind a host with `protocol = "tls"`, bytes go both ways as they are, for as long as the device may be there.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::HOST;
use fleetgate_tests::stream_site::StreamSite;

/// More than all buffers on the way hold.
const MUCH: usize = 8 << 20;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

#[test]
fn bytes_go_both_ways_unchanged_however_many_they_are() {
    let scene = StreamSite::new();
    let gateway = scene.start();
    let (mut device, mut origin) = scene.connect(&gateway);
    let echo = std::thread::spawn(move || {
        std::io::copy(&mut origin.try_clone().unwrap(), &mut origin).unwrap();
        origin.shutdown(Shutdown::Write).unwrap();
    });
    let sent = pattern(MUCH);
    // In pieces: nobody reads here while writing.
    for piece in sent.chunks(64 << 10) {
        device.write(piece).unwrap();
        assert!(device.read(piece.len()).unwrap() == piece);
    }
    device.finish().unwrap();
    assert_eq!(device.read_to_end().unwrap(), b"");
    echo.join().unwrap();

    let line = gateway.output().wait_access("the end", |line| line["event"] == "stream_end");
    assert_eq!(
        (&line["reason"], &line["received"], &line["sent"]),
        (&"closed".into(), &MUCH.into(), &MUCH.into())
    );
    let start = gateway.output().wait_access("the start", |line| line["event"] == "stream_start");
    assert_eq!((&start["decision"], &start["policy"]), (&"permit".into(), &"devices".into()));
    assert_eq!((&start["ray_id"], &start["fingerprint"]), (&line["ray_id"], &line["fingerprint"]));
    assert_eq!(start["fingerprint"], scene.site.device.sha256());
    gateway.wait_metric("fleetgate_streams_total", &[("host", HOST), ("reason", "closed")], 1);
    assert_eq!(gateway.metric("fleetgate_streams_active", &[("host", HOST)]), 0);
    let received = [("host", HOST), ("direction", "received")];
    assert_eq!(gateway.metric("fleetgate_stream_bytes_total", &received), MUCH as u64);
}

#[test]
fn either_side_may_be_done_before_the_other() {
    let scene = StreamSite::new();
    let gateway = scene.start();
    let (mut device, mut origin) = scene.connect(&gateway);
    device.write(b"the last question").unwrap();
    device.finish().unwrap();
    let mut question = String::new();
    origin.read_to_string(&mut question).unwrap();
    origin.write_all(b"and its answer").unwrap();
    drop(origin);
    assert_eq!(
        (question.as_str(), device.read_to_end().unwrap()),
        ("the last question", b"and its answer".into())
    );

    let (mut device, mut origin) = scene.connect(&gateway);
    origin.write_all(b"that was all").unwrap();
    origin.shutdown(Shutdown::Write).unwrap();
    assert_eq!(device.read_to_end().unwrap(), b"that was all");
    device.write(b"not from here").unwrap();
    device.finish().unwrap();
    let mut rest = String::new();
    origin.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "not from here");
}

#[test]
fn a_device_that_may_not_pass_never_reaches_the_origin() {
    let scene = StreamSite::new();
    let gateway = scene.start();
    let stranger = scene.site.anonymous().identity(&Ca::root("Other Root").device("device-1"));
    for (client, reason) in
        [(scene.site.anonymous(), "certificate_missing"), (stranger, "certificate_invalid")]
    {
        let mut device = client.connect(gateway.address(), HOST).unwrap();
        assert_eq!(device.read_to_end().unwrap(), b"");
        gateway.output().wait_access("the denial", |line| {
            line["event"] == "stream_start" && line["decision"] == "deny" && line["reason"] == reason
        });
        let denied = [("host", HOST), ("decision", "deny"), ("reason", reason)];
        assert_eq!(gateway.metric("fleetgate_policy_decisions_total", &denied), 1);
    }
    assert!(scene.origin.try_accept().is_none());
    assert_eq!(gateway.metrics().sum("fleetgate_streams_total", &[]), 0);
}

#[test]
fn a_stream_that_loses_its_permit_is_closed() {
    let scene = StreamSite::new();
    let gateway = Gateway::start(scene.setup_with(scene.host()).table("server", "state_dir = \".\""));
    let lost = |reason| [("host", HOST), ("reason", reason)];

    let (mut device, mut origin) = scene.connect(&gateway);
    assert_eq!(gateway.cli("device", &["deny", "--fingerprint", &scene.site.device.sha256()]).code, 0);
    assert_eq!(device.read_to_end().unwrap(), b"");
    assert_eq!(origin.read(&mut [0]).unwrap(), 0, "and so is its origin's");
    gateway.wait_metric("fleetgate_connections_terminated_total", &lost("denied_locally"), 1);
    gateway
        .output()
        .wait_access("the end", |line| line["event"] == "stream_end" && line["reason"] == "denied_locally");

    let other = scene.site.anonymous().identity(&scene.site.devices.device("device-2"));
    let (mut device, _origin) = scene.connect_as(&other, &gateway);
    let without_application =
        Setup::default().host(scene.host()).trust("devices", &scene.site.devices.path, &[HOST]);
    gateway.configure(&without_application.table("server", "state_dir = \".\""));
    gateway.must_reload();
    assert_eq!(device.read_to_end().unwrap(), b"");
    gateway.wait_metric("fleetgate_connections_terminated_total", &lost("no_application"), 1);
}

#[test]
fn a_reload_that_leaves_the_permit_leaves_the_stream() {
    let scene = StreamSite::new();
    let gateway = scene.start();
    let (mut device, mut origin) = scene.connect(&gateway);
    gateway.configure(&scene.setup_with(scene.host()).table("timeout", "handshake = \"9s\""));
    gateway.must_reload();
    device.write(b"still here").unwrap();
    let mut bytes = [0; 10];
    origin.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"still here");
}

#[test]
fn a_stream_that_stands_still_or_lasts_too_long_is_closed() {
    for (timeout, reason) in [("stream_idle", "idle_timeout"), ("stream_total", "total_timeout")] {
        let scene = StreamSite::new();
        let gateway = Gateway::start(
            scene.setup_with(scene.host()).table("timeout", &format!("{timeout} = \"300ms\"")),
        );
        let (mut device, _origin) = scene.connect(&gateway);
        assert_eq!(device.read_to_end().unwrap(), b"");
        gateway.wait_metric("fleetgate_streams_total", &[("host", HOST), ("reason", reason)], 1);
    }
}

#[test]
fn an_origin_that_is_not_there_ends_the_stream_and_is_counted() {
    let scene = StreamSite::new();
    let gateway = Gateway::start(scene.setup_with(scene.host_to("unix:/nowhere/broker.sock")));
    let mut device = scene.site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(device.read_to_end().unwrap(), b"");
    gateway.wait_metric("fleetgate_origin_errors_total", &[("host", HOST), ("reason", "origin_connect")], 1);
}
