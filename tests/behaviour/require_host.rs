//! A host with `client_auth = "require"` ends the handshake of anybody without a valid certificate, with the alert
//! that says why.

use std::io;

use fleetgate_tests::client::{Tls, alert};
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::pki::{Ca, Leaf};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use rustls::AlertDescription;

fn setup(site: &Site) -> Setup {
    Setup::default().host(site.host().client_auth("require")).devices_only(HOST).trust(
        "devices",
        &site.devices.path,
        &[HOST],
    )
}

fn request(gateway: &Gateway, client: &Tls) -> io::Result<u16> {
    // With TLS 1.3 the server's verdict comes after our side is done.
    let mut connection = client.connect(gateway.address(), HOST)?;
    connection.get(HOST, "/").map(|response| response.status())
}

#[test]
fn the_alert_says_why() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site));
    let issue = |leaf| site.anonymous().identity(&site.devices.issue(leaf));
    let stranger = site.anonymous().identity(&Ca::root("Another Root").device("device-1"));
    let cases = [
        ("certificate_missing", site.anonymous(), AlertDescription::CertificateRequired),
        ("unknown_issuer", stranger.clone(), AlertDescription::UnknownCA),
        ("unknown_issuer", stranger.tls12(), AlertDescription::UnknownCA),
        ("expired", issue(Leaf::device("device-1").expired()), AlertDescription::CertificateExpired),
        (
            "wrong_purpose",
            issue(Leaf::device("device-1").for_servers()),
            AlertDescription::UnsupportedCertificate,
        ),
    ];
    for (reason, client, expected) in cases {
        let error = request(&gateway, &client).expect_err(reason);
        assert_eq!(alert(&error), Some(expected), "{reason}: {error}");
        gateway.output().wait_access(reason, |line| {
            line["event"] == "handshake" && line["reason"] == reason && line["host"] == HOST
        });
    }
    wait::until("five failed handshakes", || {
        let failed = [("host", HOST), ("result", "error")];
        (gateway.metrics().sum("fleetgate_handshakes_total", &failed) == 5).then_some(())
    });
    assert_eq!(site.origin.connections(), 0);
    assert_eq!(gateway.status()["verdict_cache"]["entries"], 0);
}

#[test]
fn a_good_device_passes_with_every_version() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site));
    for client in [site.client(), site.client().tls12()] {
        assert_eq!(request(&gateway, &client).unwrap(), 200);
    }
}
