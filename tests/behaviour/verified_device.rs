//! A verified device reaches the origin, which is told exactly which certificate it holds.

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::pki::{Leaf, OpenSsl};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::{pki::Identity, skip};

fn assert_told_of(site: &Site, gateway: &Gateway, identity: &Identity) {
    let response = site.curl(gateway.address(), "/telemetry?unit=7").identity(identity).response();
    assert_eq!(response.status(), 200, "{}", response.text());
    assert_eq!(response.header("x-origin"), Some("here"));
    let request = site.origin.requests().pop().unwrap();
    assert_eq!(request.start, "GET /telemetry?unit=7 HTTP/1.1");
    assert_eq!(request.header("cf-client-cert-der-base64"), Some(identity.der_base64().as_str()));
    assert_eq!(request.header("cf-client-cert-sha256"), Some(identity.sha256().as_str()));
    assert_eq!(request.header("x-forwarded-proto"), Some("https"));
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
}

#[test]
fn the_origin_sees_the_certificate() {
    let site = Site::new();
    let gateway = site.start();
    assert_told_of(&site, &gateway, &site.device);
    let line = gateway.output().wait_access("the request", |line| line["event"] == "request");
    assert_eq!(line["fingerprint"], site.device.sha256());
    assert_eq!((&line["certificate"], &line["subject"]), (&"verified".into(), &"CN=device-1".into()));
}

#[test]
fn without_an_extended_key_usage_every_purpose_is_allowed() {
    let site = Site::new();
    assert_told_of(&site, &site.start(), &site.devices.issue(Leaf::device("old").for_anything()));
}

#[test]
fn an_intermediate_that_the_device_sends_leads_to_the_root() {
    let site = Site::new();
    let line = site.devices.intermediate("Line 1").intermediate("Line 1, shift 2");
    assert_told_of(&site, &site.start(), &line.device("device-2"));
}

#[test]
fn an_intermediate_alone_can_be_the_anchor() {
    let site = Site::new();
    let line = site.devices.intermediate("Line 1");
    let gateway = Gateway::start(site.untrusting().trust("line 1", &line.path, &[HOST]));
    assert_told_of(&site, &gateway, &line.device("device-2"));
    assert_eq!(site.curl(gateway.address(), "/").identity(&site.device).response().status(), 403);
}

#[test]
fn an_rsa_device_of_openssl_passes() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let site = Site::new();
    let openssl = OpenSsl::root("OpenSSL Root");
    let gateway = Gateway::start(site.untrusting().trust("openssl", &openssl.ca, &[HOST]));
    assert_told_of(&site, &gateway, &openssl.device("device-3"));
}
