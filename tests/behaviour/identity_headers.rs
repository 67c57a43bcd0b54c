//! Origins are told of a device what the switches say, and of nobody else anything.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::message::Message;
use fleetgate_tests::site::{HOST, Site};

fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    let mut found = message.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "{name} twice");
    first.map(|(_, value)| value.as_str())
}

/// The last request that the origin saw.
fn seen(site: &Site) -> Message {
    site.origin.requests().pop().unwrap()
}

fn worker_example(setup: Setup) -> Setup {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/forwarding.md")).unwrap();
    let block = page.split("```toml\n").find(|block| block.starts_with("[forwarding.headers]")).unwrap();
    let (lines, _) = block.split_once("```").unwrap();
    setup.table("forwarding.headers", lines.trim_start_matches("[forwarding.headers]\n"))
}

#[test]
fn the_documents_worker_is_one_block_of_configuration() {
    let site = Site::new();
    let gateway = Gateway::start(worker_example(site.setup()));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let forged =
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Cert-Verify: SUCCESS\r\nX_CERT_SERIAL: 1\r\n\r\n");
    assert_eq!(connection.exchange(&forged).unwrap().status(), 200);
    let request = seen(&site);
    assert_eq!(header(&request, "x-cert-verify"), Some("SUCCESS"));
    assert_eq!(header(&request, "x-cert-subject-dn"), Some("CN=device-1"));
    assert_eq!(header(&request, "x-cert-subject-dn-l"), Some("/CN=device-1"));
    assert_eq!(header(&request, "x-cert-issuer-dn"), Some("CN=Device Root"));
    assert_eq!(header(&request, "x_cert_serial"), None);
    assert!(header(&request, "x-cert-notaf").unwrap().ends_with(" GMT"));
}

#[test]
fn the_managed_transform_is_on_requests_and_on_responses() {
    let site = Site::new();
    let host = "forwarding = { managed_transform = \"both\", rfc9440 = false, xfcc = true }\norigin = ";
    let gateway = Gateway::start(site.setup().replace("origin = ", host));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let response = connection.get(HOST, "/").unwrap();
    let request = seen(&site);
    for message in [&request, &response] {
        assert_eq!(header(message, "cf-cert-verified"), Some("true"));
        assert_eq!(header(message, "cf-cert-fingerprint-sha256"), Some(&*site.device.sha256()));
    }
    assert!(header(&request, "x-forwarded-client-cert").unwrap().contains("Subject=\"CN=device-1\""));
    assert_eq!(header(&request, "client-cert"), None);
}

#[test]
fn by_default_rfc_9440_tells_of_the_certificate_and_the_connection_of_itself() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nTraceparent: {trace}\r\n\r\n");
    assert_eq!(connection.exchange(&request).unwrap().status(), 200);
    let request = seen(&site);
    assert_eq!(header(&request, "client-cert"), Some(&*format!(":{}:", site.device.der_base64())));
    assert_eq!(header(&request, "client-cert-chain"), None);
    assert_eq!(header(&request, "forwarded"), Some("for=127.0.0.1;host=iot.example.com;proto=https"));
    assert_eq!(header(&request, "x-forwarded-host"), Some(HOST));
    assert_eq!(header(&request, "traceparent"), Some(trace));
}

#[test]
fn cloudflares_headers_can_be_for_the_first_request_only() {
    let site = Site::new();
    let first = "forwarding = { first_request_only = true }\norigin = ";
    let gateway = Gateway::start(site.setup().replace("origin = ", first));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let mut told = || {
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
        header(&seen(&site), "cf-client-cert-sha256").map(str::to_owned)
    };
    assert_eq!([told(), told(), told()], [Some(site.device.sha256()), None, None]);
}

#[test]
fn a_request_that_no_origin_answered_was_not_the_first() {
    let site = Site::new();
    let first = "forwarding = { first_request_only = true }\norigin = ";
    let gateway = Gateway::start(site.setup().replace("origin = ", first));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, fleetgate_tests::origin::BREAK_OFF).unwrap().status(), 502);
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    assert_eq!(header(&seen(&site), "cf-client-cert-sha256"), Some(&*site.device.sha256()));
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    assert_eq!(header(&seen(&site), "cf-client-cert-sha256"), None);
}
