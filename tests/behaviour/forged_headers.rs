//! What only the gateway may say to an origin cannot be said by a client: not in any spelling, not twice, not in
//! trailers, and not removed by naming it in `Connection`.

use fleetgate_tests::client::Connection;
use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::message::{Fields, Message};
use fleetgate_tests::site::{HOST, Site};

const FORGED: &str = "Cf-Client-Cert-Der-Base64: forged\r\nCf-Client-Cert-Sha256: forged\r\n\
    cf-client-cert-sha256: forged\r\nCF-CLIENT-CERT-SHA256: forged\r\nCf_Client_Cert_Sha256: forged\r\n\
    CF-Client_Cert-DER_Base64: forged\r\nX-Forwarded-For: forged\r\nX_FORWARDED_FOR: forged\r\n\
    X-Forwarded-Proto: forged\r\nX-Forwarded-Host: forged\r\nForwarded: for=forged\r\n";

fn sent(site: &Site, connection: &mut Connection, request: &str) -> Message {
    assert_eq!(connection.exchange(request).unwrap().status(), 200);
    site.origin.requests().pop().unwrap()
}

fn assert_nothing_forged(fields: &Fields) {
    let forged: Vec<_> = fields.iter().filter(|(_, value)| value.contains("forged")).collect();
    assert!(forged.is_empty(), "{forged:?}");
}

fn values<'a>(message: &'a Message, name: &str) -> Vec<&'a str> {
    let normalised = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let fields = message.headers.iter().filter(|(other, _)| normalised(other) == name);
    fields.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn headers() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let request = sent(
        &site,
        &mut connection,
        &format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{FORGED}X-Own: kept\r\n\r\n"),
    );
    assert_nothing_forged(&request.headers);
    assert_eq!(values(&request, "x-own"), ["kept"]);
    assert_eq!(values(&request, "cf-client-cert-sha256"), [site.device.sha256()]);
    assert_eq!(values(&request, "cf-client-cert-der-base64"), [site.device.der_base64()]);
    assert_eq!(values(&request, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&request, "x-forwarded-proto"), ["https"]);
}

#[test]
fn headers_of_a_client_without_a_certificate() {
    let site = Site::new();
    let open = Host::new("open.example.com", &site.servers.server(&["open.example.com"]), &site.origin.url());
    let gateway = Gateway::start(site.setup().host(open.client_auth("none")));
    let mut connection = site.anonymous().connect(gateway.address(), "open.example.com").unwrap();
    let request =
        sent(&site, &mut connection, &format!("GET / HTTP/1.1\r\nHost: open.example.com\r\n{FORGED}\r\n"));
    assert_nothing_forged(&request.headers);
    assert_eq!(values(&request, "cf-client-cert-sha256"), Vec::<&str>::new());
    assert_eq!(values(&request, "cf-client-cert-der-base64"), Vec::<&str>::new());
}

#[test]
fn trailers() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let names = "X-Own, Cf-Client-Cert-Sha256, Cf_Client_Cert_Sha256, X-Forwarded-For";
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: {names}\r\n\r\n"
    );
    let body = format!("5\r\nhello\r\n0\r\nX-Own: kept\r\n{FORGED}\r\n");
    let request = sent(&site, &mut connection, &(head + &body));
    assert_eq!(request.body, b"hello");
    assert_nothing_forged(&request.trailers);
    // Those that are nobody else's business come through: else this test would show nothing.
    assert_eq!(request.trailers.len(), 1, "{:?}", request.trailers);
    assert_eq!(request.trailers[0].1, "kept");
}

#[test]
fn naming_them_in_connection_removes_nothing_of_ours() {
    let site = Site::new();
    let gateway = site.start();
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let named = "keep-alive, Cf-Client-Cert-Sha256, cf-client-cert-der-base64, X-Forwarded-For, x-forwarded-proto, x-own, host";
    let request =
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: {named}\r\nX-Own: gone\r\n{FORGED}\r\n");
    let request = sent(&site, &mut connection, &request);
    assert_nothing_forged(&request.headers);
    assert_eq!(values(&request, "x-own"), Vec::<&str>::new());
    assert_eq!(values(&request, "cf-client-cert-sha256"), [site.device.sha256()]);
    assert_eq!(values(&request, "cf-client-cert-der-base64"), [site.device.der_base64()]);
    assert_eq!(values(&request, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&request, "host"), [HOST]);
}
