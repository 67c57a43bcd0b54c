//! Requests reach origins of every kind, here nginx: over TLS with certificates on both sides, HTTP/2, unix sockets.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::nginx::Nginx;
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;

/// A PKI of origins, which has nothing to do with the one of devices.
struct Internal {
    ca: Ca,
    server: Identity,
}

impl Internal {
    fn new() -> Self {
        let ca = Ca::root("Internal Root");
        Self { server: ca.server(&["app.internal"]), ca }
    }

    fn directives(&self) -> Vec<String> {
        vec![
            format!("ssl_certificate {}", self.server.certificate.display()),
            format!("ssl_certificate_key {}", self.server.key.display()),
        ]
    }

    /// The CA, and the name that the certificate is for.
    fn trusted(&self) -> String {
        format!("origin_ca = \"{}\"\norigin_name = \"app.internal\"\n", self.ca.path.display())
    }
}

/// The usual configuration with another origin, and lines beside it.
fn elsewhere(site: &Site, origin: &str, lines: &str) -> Setup {
    let (before, after) = (format!("\"{}\"", site.origin.url()), format!("{origin}\n{lines}"));
    site.setup().replace(&before, &after)
}

/// What nginx says of a request through the gateway.
fn seen(site: &Site, gateway: &Gateway) -> String {
    let response = site.curl(gateway.address(), "/").identity(&site.device).response();
    assert_eq!(response.status(), 200, "{}", response.text());
    response.text()
}

fn assert_seen(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|seen| seen == *line), "{line} in {text}");
    }
}

#[test]
fn tls_with_certificates_on_both_sides_and_another_host() {
    if !skip::unless_installed("nginx") {
        return;
    }
    let (site, internal) = (Site::new(), Internal::new());
    let gateways = Ca::root("Gateways");
    let identity = gateways.device("gateway-1");
    let mut directives = internal.directives();
    directives.push(format!("ssl_client_certificate {}", gateways.path.display()));
    directives.push("ssl_verify_client on".to_owned());
    let nginx = Nginx::start("ssl", &directives);
    let shown = format!(
        "origin_certificate = \"{}\"\norigin_key = \"{}\"\norigin_host = \"app.internal:81\"\n",
        identity.certificate.display(),
        identity.key.display()
    );
    let origin = format!("\"{}\"", nginx.url("https"));
    let gateway = Gateway::start(elsewhere(&site, &origin, &(internal.trusted() + &shown)));
    let text = seen(&site, &gateway);
    let expected = [
        "scheme=https",
        "sni=app.internal",
        "client=CN=gateway-1",
        "verify=SUCCESS",
        "host=app.internal:81",
        "protocol=HTTP/1.1",
    ];
    assert_seen(&text, &expected);
    // Without it the origin refuses, by its own page.
    let gateway = Gateway::start(elsewhere(&site, &origin, &internal.trusted()));
    let response = site.curl(gateway.address(), "/").identity(&site.device).response();
    assert_eq!(response.status(), 400, "{}", response.text());
}

#[test]
fn an_origin_that_nobody_vouches_for_is_not_spoken_to() {
    if !skip::unless_installed("nginx") {
        return;
    }
    let (site, internal) = (Site::new(), Internal::new());
    let nginx = Nginx::start("ssl", &internal.directives());
    let origin = format!("\"{}\"", nginx.url("https"));
    // From a CA of devices; for another name; from a CA of the system's.
    let cases = [
        format!("origin_ca = \"{}\"\norigin_name = \"app.internal\"\n", site.devices.path.display()),
        format!("origin_ca = \"{}\"\n", internal.ca.path.display()),
        "origin_name = \"app.internal\"\n".to_owned(),
    ];
    for lines in cases {
        let gateway = Gateway::start(elsewhere(&site, &origin, &lines));
        let response = site.curl(gateway.address(), "/").identity(&site.device).response();
        assert_eq!(response.status(), 502, "{lines}");
        gateway.wait_metric("fleetgate_origin_errors_total", &[("host", HOST), ("reason", "origin_tls")], 1);
        gateway.output().wait_log("invalid peer certificate");
    }
}

#[test]
fn a_reload_that_trusts_another_ca_counts_for_kept_connections() {
    if !skip::unless_installed("nginx") {
        return;
    }
    let (site, internal) = (Site::new(), Internal::new());
    let nginx = Nginx::start("ssl", &internal.directives());
    let origin = format!("\"{}\"", nginx.url("https"));
    let gateway = Gateway::start(elsewhere(&site, &origin, &internal.trusted()));
    seen(&site, &gateway);
    let another = Ca::root("Another");
    let others = format!("origin_ca = \"{}\"\norigin_name = \"app.internal\"\n", another.path.display());
    gateway.configure(&elsewhere(&site, &origin, &others));
    gateway.signal(nix::sys::signal::Signal::SIGHUP);
    gateway.wait_metric("fleetgate_snapshot_generation", &[], 2);
    assert_eq!(site.curl(gateway.address(), "/").identity(&site.device).response().status(), 502);
}

#[test]
fn http2_by_alpn_and_with_prior_knowledge_over_one_connection() {
    if !skip::unless_installed("nginx") {
        return;
    }
    let (site, internal) = (Site::new(), Internal::new());
    let over_tls = Nginx::start("ssl http2", &internal.directives());
    let plain = Nginx::start("http2", &[]);
    let cases = [
        (over_tls.url("https"), internal.trusted(), "scheme=https"),
        (over_tls.url("https"), internal.trusted() + "origin_http = \"2\"\n", "scheme=https"),
        (plain.url("http"), "origin_http = \"2\"\n".to_owned(), "scheme=http"),
    ];
    for (url, lines, scheme) in cases {
        let setup = elsewhere(&site, &format!("\"{url}\""), &lines).table("server", "workers = 1");
        let gateway = Gateway::start(setup);
        let authority = format!("authority={HOST}");
        for _ in 0..5 {
            assert_seen(&seen(&site, &gateway), &["protocol=HTTP/2.0", scheme, &authority, "te=trailers"]);
        }
        assert_eq!(gateway.metric("fleetgate_origin_connections_total", &[("origin", &url)]), 1);
    }
    let refused = elsewhere(
        &site,
        &format!("\"{}\"", over_tls.url("https")),
        &(internal.trusted() + "origin_http = \"1.1\"\n"),
    );
    assert_seen(&seen(&site, &Gateway::start(refused)), &["protocol=HTTP/1.1"]);
}

/// nginx says GOAWAY after so many requests, while others are on their way.
#[test]
fn an_http2_origin_that_closes_its_connections_costs_no_request() {
    if !skip::unless_installed("nginx") {
        return;
    }
    let site = Site::new();
    let nginx = Nginx::start("http2", &["keepalive_requests 10".to_owned()]);
    let setup = elsewhere(&site, &format!("\"{}\"", nginx.url("http")), "origin_http = \"2\"\n");
    let gateway = Gateway::start(setup.table("server", "workers = 1"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
                for _ in 0..50 {
                    let post = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n");
                    assert_eq!(connection.exchange(&post).unwrap().status(), 200);
                }
            });
        }
    });
    let url = nginx.url("http");
    let made = gateway.metric("fleetgate_origin_connections_total", &[("origin", &url)]);
    assert!(made > 10, "{made} connections for 200 requests, ten on each");
}

#[test]
fn a_unix_socket() {
    if !skip::unless_installed("nginx") {
        return;
    }
    let site = Site::new();
    let nginx = Nginx::start_on_socket(&[]);
    let origin = format!("\"unix:{}\"", nginx.socket().display());
    let gateway = Gateway::start(elsewhere(&site, &origin, ""));
    assert_seen(&seen(&site, &gateway), &["protocol=HTTP/1.1", &format!("host={HOST}")]);
}
