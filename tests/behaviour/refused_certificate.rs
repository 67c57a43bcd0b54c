//! A certificate that does not verify gets 403, and the reason is in the access log and in the metric.

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::pki::{Ca, Identity, Leaf, OpenSsl};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;

fn assert_refused(site: &Site, gateway: &Gateway, identity: &Identity, reason: &str) {
    for tls in [&["--tlsv1.3"][..], &["--tls-max", "1.2"]] {
        let response = site.curl(gateway.address(), "/").identity(identity).args(tls).response();
        assert_eq!(response.status(), 403, "{reason}");
    }
    let line = gateway.output().wait_access(reason, |line| line["certificate"] == reason);
    assert_eq!((&line["status"], &line["reason"]), (&403.into(), &"certificate_invalid".into()));
    assert_eq!(line["fingerprint"], identity.sha256());
    gateway.wait_metric(
        "fleetgate_handshakes_total",
        &[("host", HOST), ("result", "ok"), ("reason", reason)],
        2,
    );
    assert_eq!(site.origin.connections(), 0);
    assert_eq!(gateway.status()["verdict_cache"]["entries"], 0, "only positive verdicts are remembered");
}

#[test]
fn another_ca_is_an_unknown_issuer() {
    let site = Site::new();
    assert_refused(&site, &site.start(), &Ca::root("Another Root").device("device-1"), "unknown_issuer");
}

#[test]
fn another_ca_of_the_same_name_is_no_better() {
    let site = Site::new();
    let identity = Ca::root("Device Root").device("device-1");
    // The name leads to our root, whose key did not sign.
    assert_refused(&site, &site.start(), &identity, "bad_signature");
}

#[test]
fn expired() {
    let site = Site::new();
    assert_refused(&site, &site.start(), &site.devices.issue(Leaf::device("device-1").expired()), "expired");
}

#[test]
fn not_yet_valid() {
    let site = Site::new();
    assert_refused(
        &site,
        &site.start(),
        &site.devices.issue(Leaf::device("device-1").not_yet_valid()),
        "not_yet_valid",
    );
}

#[test]
fn a_certificate_for_servers_only_is_none_for_devices() {
    let site = Site::new();
    assert_refused(
        &site,
        &site.start(),
        &site.devices.issue(Leaf::device("device-1").for_servers()),
        "wrong_purpose",
    );
}

#[test]
fn an_expired_ca_loads_and_verifies_nobody() {
    let site = Site::new();
    let expired = Ca::expired_root("Old Root");
    let gateway = Gateway::start(site.untrusting().trust("old", &expired.path, &[HOST]));
    gateway.output().wait_log("has expired; it verifies nobody");
    assert_refused(&site, &gateway, &expired.device("device-1"), "anchor_expired");
}

#[test]
fn the_ca_of_another_host_does_not_count_here() {
    let site = Site::new();
    let other = Ca::root("Other Root");
    let gateway = Gateway::start(site.setup().trust("other", &other.path, &["other.example.com"]));
    assert_refused(&site, &gateway, &other.device("device-1"), "unknown_issuer");
}

/// webpki cannot read such a certificate; its proof of possession is checked on its raw key, so that policy can answer.
#[test]
fn x509_version_1_is_refused_with_a_page_and_a_reason_of_its_own() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let site = Site::new();
    let openssl = OpenSsl::root("OpenSSL Root");
    let gateway = Gateway::start(site.untrusting().trust("openssl", &openssl.ca, &[HOST]));
    assert_refused(&site, &gateway, &openssl.device_v1("device-1"), "unsupported_version");
}
