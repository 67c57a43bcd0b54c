//! A service token permits a program without a certificate, and its secret goes no further than the gateway.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};

const SECRET: &str = "correct-horse-battery-staple";
/// `printf %s correct-horse-battery-staple | sha256sum`
const HASH: &str = "87cbebfeebc05f7c54ac9336c4b4bbec831227a641951a4bde7edd56020f8590";

fn setup(site: &Site, hash: &str) -> Setup {
    let policy = "[[application.policy]]\nname = \"programs\"\ndecision = \"non_identity\"\ninclude = [{ service_token = { name = \"ci\" } }]";
    Setup::default()
        .host(site.host())
        .trust("devices", &site.devices.path, &[HOST])
        .array(
            "service_token",
            format!("name = \"ci\"\nclient_id = \"ci.access\"\nclient_secret_sha256 = \"{hash}\""),
        )
        .array("application", format!("domain = \"{HOST}\"\n{policy}"))
}

fn request(secret: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nCF-Access-Client-Id: ci.access\r\nCF-Access-Client-Secret: {secret}\r\n\r\n"
    )
}

#[test]
fn the_right_secret_passes_alone_and_reaches_nobody() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, HASH));
    let mut connection = site.anonymous().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.exchange(&request("wrong")).unwrap().status(), 403);
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 403);
    assert_eq!(connection.exchange(&request(SECRET)).unwrap().status(), 200);
    let sent = site.origin.requests().pop().unwrap();
    assert!(
        !sent.headers.iter().any(|(name, value)| name.starts_with("cf-access-client") || value == SECRET),
        "{sent:?}"
    );
    gateway.output().wait_access("the wrong secret", |line| line["reason"] == "service_token_invalid");
    assert!(!gateway.output().log().contains(SECRET));

    gateway.configure(&setup(&site, &"0".repeat(64)));
    gateway.must_reload();
    assert!(connection.receive().is_err(), "the secret that it was permitted with counts no more");
}
