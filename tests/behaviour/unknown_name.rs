//! There is no fallback host: a hello with an unknown name, or with none, is answered with the alert
//! `unrecognized_name`, byte for byte, and nothing else.

use fleetgate_tests::client::{Raw, UNRECOGNIZED_NAME, alert};
use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::xdp::hello::{self, Hello};
use rustls::AlertDescription;

#[test]
fn a_name_that_nobody_serves_and_no_name_are_unrecognized() {
    let site = Site::new();
    let gateway = site.start();
    let cases = [
        (hello::from_rustls("other.example.com"), "unknown_sni"),
        (hello::from_rustls("sub.iot.example.com"), "unknown_sni"),
        (hello::from_rustls("example.com"), "unknown_sni"),
        // rustls names no address in its hello.
        (hello::from_rustls("192.0.2.1"), "no_sni"),
    ];
    for (hello, reason) in &cases {
        assert_eq!(
            Raw::connect(gateway.address()).send(&[hello]).read_to_end(),
            UNRECOGNIZED_NAME,
            "{reason}"
        );
        gateway.output().wait_access(reason, |line| line["reason"] == *reason && line["host"] == "other");
    }
    for (reason, times) in [("unknown_sni", 3), ("no_sni", 1)] {
        let labels = [("host", "other"), ("result", "error"), ("reason", reason)];
        gateway.wait_metric("fleetgate_handshakes_total", &labels, times);
    }
    assert_eq!(gateway.metrics().sum("fleetgate_handshakes_total", &[]), 4);
}

#[test]
fn a_real_client_hears_it_with_every_version() {
    let site = Site::new();
    let gateway = site.start();
    let nameless = site.client().without_sni();
    let cases = [
        (site.client(), "other.example.com"),
        (site.client().tls12(), "other.example.com"),
        // Where the name is not in the hello it does not help that it is right.
        (nameless.clone(), HOST),
        (nameless.tls12(), HOST),
    ];
    for (client, name) in cases {
        let error = client.connect(gateway.address(), name).err().expect("no handshake");
        assert_eq!(alert(&error), Some(AlertDescription::UnrecognisedName), "{error}");
    }
}

#[test]
fn a_wildcard_serves_one_label_and_no_more() {
    let site = Site::new();
    let wildcard =
        Host::new("*.fleet.example.com", &site.servers.server(&["*.fleet.example.com"]), &site.origin.url());
    let gateway = Gateway::start(site.setup().host(wildcard.client_auth("none")));
    let mut served = site.anonymous().connect(gateway.address(), "a.fleet.example.com").unwrap();
    assert_eq!(served.get("a.fleet.example.com", "/").unwrap().status(), 200);
    for name in ["a.b.fleet.example.com", "fleet.example.com"] {
        let answer = Raw::connect(gateway.address()).send(&[&hello::from_rustls(name)]).read_to_end();
        assert_eq!(answer, UNRECOGNIZED_NAME, "{name}");
    }
}

#[test]
fn what_is_not_a_hello_is_refused_and_counted() {
    let site = Site::new();
    let gateway = site.start();
    let two_names =
        Hello::default().server_name(b"iot.example.com").server_name(b"other.example.com").record();
    for bytes in [b"GET / HTTP/1.1\r\nHost: iot.example.com\r\n\r\n".as_slice(), &[0; 100], &two_names] {
        let answer = Raw::connect(gateway.address()).send(&[bytes]).read_to_end();
        // A fatal alert, or nothing.
        assert!(answer.is_empty() || (answer[0] == 21 && answer.len() == 7), "{answer:?}");
    }
    let not_tls = [("host", "other"), ("result", "error"), ("reason", "not_tls")];
    gateway.wait_metric("fleetgate_handshakes_total", &not_tls, 3);
    assert_eq!(gateway.metric("fleetgate_panics_total", &[]), 0);
}
