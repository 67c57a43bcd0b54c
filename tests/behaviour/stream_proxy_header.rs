//! An origin of bytes is told who is there, in a header that everybody reads in the same way (PROXY protocol, version 2).

use std::io::Read as _;
use std::path::Path;

use fleetgate_tests::client::{Connection, Tls};
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::python;
use fleetgate_tests::site::HOST;
use fleetgate_tests::stream_site::StreamSite;
use serde_json::{Value, json};

/// Another's reading of it: the Python package `proxy-protocol`.
const READ: &str = "proxy_header.py";

/// What the origin gets from a device, as the other reads it.
fn introduction(python: &Path, scene: &StreamSite, gateway: &Gateway, client: &Tls) -> (Connection, Value) {
    let (mut device, mut origin) = scene.connect_as(client, gateway);
    device.write(b"hello").unwrap();
    device.finish().unwrap();
    let mut octets = Vec::new();
    origin.read_to_end(&mut octets).unwrap();
    (device, serde_json::from_str(&python::output_of(&mut python::script(python, READ), &octets)).unwrap())
}

#[test]
fn an_origin_is_told_who_is_there_and_how_they_came() {
    let Some(python) = python::interpreter() else { return };
    let scene = StreamSite::new();
    let host = scene.host().line("proxy_protocol = \"v2\"\nalpn = [\"mqtt\"]");
    let gateway = Gateway::start(scene.setup_with(host));
    let (_device, told) = introduction(&python, &scene, &gateway, &scene.site.client().alpn("mqtt"));
    let line = gateway.output().wait_access("the start", |line| line["event"] == "stream_start");
    let der =
        scene.site.device.chain[0].iter().fold(String::new(), |hex, octet| hex + &format!("{octet:02x}"));
    let expected = json!({
        "source": line["source"], "destination": gateway.address().to_string(), "unique_id": line["ray_id"],
        "authority": HOST, "alpn": "mqtt", "certificate": der, "ssl": true, "conn": true, "sess": true, "verify": 0,
        "version": "TLSv1.3", "cn": "device-1", "cipher": told["cipher"], "sig_alg": "ecdsa-with-SHA256",
        "key_alg": "EC256", "rest": "68656c6c6f", "has_ssl": true,
    });
    assert_eq!(told, expected);
    assert!(told["cipher"].as_str().unwrap().starts_with("TLS_"), "{told}");
}

#[test]
fn an_origin_is_told_nothing_of_a_certificate_that_does_not_verify() {
    let Some(python) = python::interpreter() else { return };
    let scene = StreamSite::new();
    let everybody =
        "[[application.policy]]\nname = \"all\"\ndecision = \"bypass\"\ninclude = [{ everyone = {} }]";
    let host = scene.host().line("proxy_protocol = \"v2\"");
    let setup = fleetgate_tests::gateway::Setup::default().host(host);
    let gateway = Gateway::start(setup.array("application", format!("domain = \"{HOST}\"\n{everybody}")));
    let (_device, told) = introduction(&python, &scene, &gateway, &scene.site.client());
    for (field, value) in [
        ("conn", json!(false)),
        ("verify", json!(1)),
        ("certificate", json!("")),
        ("rest", json!("68656c6c6f")),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert!(told["cn"].as_str().unwrap_or_default().is_empty(), "{told}");
}
