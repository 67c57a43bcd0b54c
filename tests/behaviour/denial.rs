//! What a denied client gets to see is the operator's choice, and what was decided is in the audit log.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};

const AUD: &str = "1111111111111111111111111111111111111111111111111111111111111111";

fn setup(site: &Site, lines: &str) -> Setup {
    Setup::default().host(site.host()).trust("devices", &site.devices.path, &[HOST]).array(
        "application",
        format!(
            "domain = \"{HOST}\"\nname = \"meters\"\naud = \"{AUD}\"\n{lines}\n[[application.policy]]\nname = \"devices\"\n\
             decision = \"non_identity\"\ninclude = [{{ certificate = {{}} }}]"
        ),
    )
}

#[test]
fn it_names_its_application_and_has_the_operators_words() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "custom_deny_message = \"Ask <the plant>.\""));
    let mut nobody = site.anonymous().connect(gateway.address(), HOST).unwrap();
    let page = nobody.get(HOST, "/").unwrap();
    assert_eq!(page.status(), 403);
    assert_eq!((page.header("cf-access-aud"), page.header("cf-access-domain")), (Some(AUD), Some(HOST)));
    assert!(page.text().contains("Ask &lt;the plant&gt;."), "{}", page.text());
    let program = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nAccept: application/json\r\n\r\n");
    let json = nobody.exchange(&program).unwrap().json();
    assert_eq!((&json["message"], &json["aud"]), (&"Ask <the plant>.".into(), &AUD.into()));
    let ray = json["ray_id"].as_str().unwrap().to_owned();
    let line = gateway.output().wait_audit("the audit line", |line| line["ray_id"] == ray.as_str());
    let expected = [("decision", "deny"), ("reason", "certificate_missing"), ("application", "meters")];
    for (field, value) in expected {
        assert_eq!(line[field], value, "{line}");
    }
}

#[test]
fn it_can_be_401_or_a_page_elsewhere() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "service_auth_401_redirect = true"));
    let mut nobody = site.anonymous().connect(gateway.address(), HOST).unwrap();
    let response = nobody.get(HOST, "/").unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.header("www-authenticate").is_some());

    gateway.configure(&setup(&site, "custom_non_identity_deny_url = \"https://help.example.com/denied\""));
    gateway.must_reload();
    let mut nobody = site.anonymous().connect(gateway.address(), HOST).unwrap();
    let response = nobody.get(HOST, "/").unwrap();
    assert_eq!(
        (response.status(), response.header("location")),
        (302, Some("https://help.example.com/denied"))
    );
}

#[test]
fn the_first_permit_of_a_connection_is_audited_and_the_next_is_not() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site, "").table("log", "access = \"off\""));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    for _ in 0..3 {
        assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
    }
    let mut nobody = site.anonymous().connect(gateway.address(), HOST).unwrap();
    assert_eq!(nobody.get(HOST, "/").unwrap().status(), 403);
    gateway.output().wait_audit("the denial", |line| line["decision"] == "deny");
    assert!(gateway.output().access_log().is_empty());
    let lines = gateway.output().audit_log();
    let seen: Vec<_> =
        lines.iter().map(|line| (&line["event"], &line["decision"], &line["policy"])).collect();
    let (decision, none) = ("decision".into(), serde_json::Value::Null);
    assert_eq!(seen, [(&decision, &"permit".into(), &"devices".into()), (&decision, &"deny".into(), &none)]);
    assert_eq!(lines[0]["fingerprint"], site.device.sha256());
}
