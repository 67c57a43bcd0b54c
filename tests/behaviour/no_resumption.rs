//! Sessions are never resumed: a resumed one would skip the certificate and every check of it.

use fleetgate_tests::client::s_client;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;

fn arguments<'a>(site: &'a Site, version: &'a str) -> Vec<&'a str> {
    let path = |path: &'a std::path::PathBuf| path.to_str().unwrap();
    let (certificate, key) = (path(&site.device.certificate), path(&site.device.key));
    vec![version, "-CAfile", path(&site.servers.path), "-cert", certificate, "-key", key]
}

#[test]
fn openssl_reconnects_with_full_handshakes() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let site = Site::new();
    let gateway = site.start();
    for version in ["-tls1_2", "-tls1_3"] {
        let printed =
            s_client(gateway.address(), HOST, &[arguments(&site, version), vec!["-reconnect"]].concat());
        assert_eq!(printed.matches("\nNew, TLSv1.").count(), 6, "{printed}");
        assert!(!printed.contains("Reused, ") && !printed.contains("TLS session ticket"), "{printed}");
    }
}

#[test]
fn openssl_cannot_bring_a_session_back() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let site = Site::new();
    let gateway = site.start();
    let kept = gateway.folder().join("session.pem");
    let session = kept.to_str().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let first = s_client(
            gateway.address(),
            HOST,
            &[arguments(&site, version), vec!["-sess_out", session]].concat(),
        );
        assert!(first.contains("\nNew, TLSv1."), "{first}");
        // Where there is nothing to resume, OpenSSL may keep nothing.
        if kept.exists() {
            let again = s_client(
                gateway.address(),
                HOST,
                &[arguments(&site, version), vec!["-sess_in", session]].concat(),
            );
            assert!(again.contains("\nNew, TLSv1.") && !again.contains("Reused, "), "{again}");
            std::fs::remove_file(&kept).unwrap();
        }
    }
}
