//! A permit makes a session: the origin gets a token with each request, the device a cookie with the first; and neither stands
//! in for the certificate.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::message::Message;
use fleetgate_tests::site::{HOST, Site};

const AUD: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// One application, with these lines of its own.
fn setup(site: &Site, decision: &str, lines: &str) -> Setup {
    let rule = if decision == "bypass" { "everyone" } else { "certificate" };
    Setup::default().host(site.host()).trust("devices", &site.devices.path, &[HOST]).array(
        "application",
        format!(
            "domain = \"{HOST}\"\nname = \"meters\"\naud = \"{AUD}\"\n{lines}\n[[application.policy]]\nname = \"p\"\n\
             decision = \"{decision}\"\ninclude = [{{ {rule} = {{}} }}]"
        ),
    )
}

fn assertion(site: &Site) -> Option<String> {
    site.origin.requests().pop().unwrap().header("cf-access-jwt-assertion").map(str::to_owned)
}

/// The cookie that a response sets, without its attributes, and those.
fn cookie(response: &Message) -> Option<(String, String)> {
    let (cookie, attributes) = response.header("set-cookie")?.split_once("; ")?;
    Some((cookie.to_owned(), attributes.to_owned()))
}

fn with_cookie(path: &str, cookie: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nCf-Access-Jwt-Assertion: forged\r\n\r\n"
    )
}

#[test]
fn the_origin_gets_the_token_and_the_device_the_cookie_once() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "non_identity", ""));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let (set, attributes) = cookie(&connection.get(HOST, "/").unwrap()).expect("a cookie");
    let token = set.strip_prefix("CF_Authorization=").unwrap();
    assert_eq!(assertion(&site).as_deref(), Some(token));
    assert!(attributes.starts_with("Path=/; Secure; HttpOnly; SameSite=None; Expires="), "{attributes}");
    assert_eq!(cookie(&connection.get(HOST, "/").unwrap()), None, "once a connection");
    // Another connection gets it too, unless it brings it.
    for (request, expected) in
        [(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), Some(&set)), (with_cookie("/", &set), None)]
    {
        let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
        let response = connection.exchange(&request).unwrap();
        assert_eq!((response.status(), cookie(&response).map(|(set, _)| set).as_ref()), (200, expected));
        assert_eq!(assertion(&site).as_deref(), Some(token), "ours, and not the client's");
    }
    gateway.wait_metric("fleetgate_tokens_issued_total", &[], 1);
    let everything = gateway.output().everything();
    assert!(!everything.contains(token), "a token is in a log");
}

#[test]
fn the_cookie_is_no_certificate() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "non_identity", ""));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let (set, _) = cookie(&connection.get(HOST, "/").unwrap()).unwrap();
    let mut nobody = site.anonymous().connect(gateway.address(), HOST).unwrap();
    assert_eq!(nobody.exchange(&with_cookie("/", &set)).unwrap().status(), 403);
}

#[test]
fn bypass_makes_no_session() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "bypass", ""));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let response = connection.exchange(&with_cookie("/", "a=b")).unwrap();
    assert_eq!((response.status(), cookie(&response), assertion(&site)), (200, None, None));
}

#[test]
fn the_cookie_has_the_applications_attributes() {
    let site = Site::new();
    let lines =
        "http_only_cookie_attribute = false\nsame_site_cookie_attribute = \"lax\"\nsession_duration = \"1h\"";
    let gateway = Gateway::start(setup(&site, "non_identity", lines));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let (_, attributes) = cookie(&connection.get(HOST, "/").unwrap()).unwrap();
    assert!(attributes.starts_with("Path=/; Secure; SameSite=Lax; Expires="), "{attributes}");
}

#[test]
fn identity_is_told_to_the_device_itself_and_logout_clears_the_cookie() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "non_identity", ""));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    let (set, _) = cookie(&connection.get(HOST, "/").unwrap()).unwrap();
    let identity = connection.exchange(&with_cookie("/cdn-cgi/access/get-identity", &set)).unwrap();
    assert_eq!(identity.status(), 200, "{}", identity.text());
    assert_eq!(identity.json()["common_name"], "device-1");
    let mut nobody = site.anonymous().connect(gateway.address(), HOST).unwrap();
    let refused = nobody.exchange(&with_cookie("/cdn-cgi/access/get-identity", &set)).unwrap();
    assert_eq!(refused.status(), 401);
    let keys = nobody.get(HOST, "/cdn-cgi/access/certs").unwrap();
    assert_eq!((keys.status(), keys.json()["keys"][0]["alg"].as_str()), (200, Some("RS256")));
    let out = connection.exchange(&with_cookie("/cdn-cgi/access/logout", &set)).unwrap();
    let (cleared, attributes) = cookie(&out).unwrap();
    assert!(cleared == "CF_Authorization=" && attributes.contains("Max-Age=0"), "{attributes}");
    assert_eq!(site.origin.requests().len(), 1, "none of these went to the origin");
}
