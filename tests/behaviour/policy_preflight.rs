//! Preflight requests are answered by the gateway where an application says so; the requests after them are not let in.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};

#[test]
fn a_browsers_question_is_answered_without_a_certificate_and_nothing_else_is() {
    let site = Site::new();
    let cors = "[application.cors_headers]\nallowed_origins = [\"https://app.example.com\"]\nallowed_methods = [\"GET\"]";
    let policy = "[[application.policy]]\nname = \"devices\"\ndecision = \"non_identity\"\ninclude = [{ certificate = {} }]";
    let setup = Setup::default().host(site.host()).trust("devices", &site.devices.path, &[HOST]);
    let gateway =
        Gateway::start(setup.array("application", format!("domain = \"{HOST}\"\n{cors}\n{policy}")));
    let mut browser = site.anonymous().connect(gateway.address(), HOST).unwrap();
    let ask = |origin: &str| {
        format!(
            "OPTIONS /x HTTP/1.1\r\nHost: {HOST}\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: GET\r\n\r\n"
        )
    };
    let answer = browser.exchange(&ask("https://app.example.com")).unwrap();
    let allowed = answer.headers.iter().find(|(name, _)| name == "access-control-allow-origin");
    assert_eq!((answer.status(), allowed.unwrap().1.as_str()), (204, "https://app.example.com"));
    let other = browser.exchange(&ask("https://other.example.com")).unwrap();
    assert!(!other.headers.iter().any(|(name, _)| name.starts_with("access-control-allow")), "{other:?}");
    assert_eq!(
        browser.exchange(&format!("OPTIONS /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).unwrap().status(),
        403
    );
    assert_eq!(browser.get(HOST, "/x").unwrap().status(), 403);
    assert_eq!(site.origin.requests().len(), 0);
}
