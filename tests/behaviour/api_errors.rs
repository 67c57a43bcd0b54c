//! What cannot be is refused with Cloudflare's numbers, and changes nothing; what the file declares is read-only.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};
use serde_json::{Value, json};

fn said(gateway: &Gateway, method: &str, path: &str, body: Value) -> (u16, u64, String) {
    let body = Some(body).filter(|body| !body.is_null());
    let answer = gateway.api(method, path, body.as_ref());
    let text = answer.json();
    assert_eq!(text["success"], answer.status() < 300, "{text:#}");
    assert!(text["messages"].is_array() && text.get("result").is_some(), "{text:#}");
    let error = &text["errors"][0];
    (answer.status(), error["code"].as_u64().unwrap_or(0), error["message"].as_str().unwrap_or("").to_owned())
}

#[test]
fn every_refusal_has_its_number() {
    let site = Site::new();
    let limits = "certificates = 1\ngroups = 1\nalert_webhooks = 1\nalert_policies = 1";
    let gateway = Gateway::start(Setup::default().host(site.host()).api().table("admin.limit", limits));
    let pem = std::fs::read_to_string(&site.devices.path).unwrap();
    let leaf = std::fs::read_to_string(&site.device.certificate).unwrap();
    let (certificates, groups, apps) = (
        gateway.account("access/certificates"),
        gateway.zone("access/groups"),
        gateway.account("access/apps"),
    );
    let (webhooks, alerts) =
        (gateway.account("alerting/v3/destinations/webhooks"), gateway.account("alerting/v3/policies"));
    let webhook = json!({ "name": "ops", "url": "https://hooks.invalid/" });
    let alert = json!({ "name": "expiry", "alert_type": "access_custom_certificate_expiration_type", "mechanisms": {} });
    let other = "/client/v4/accounts/0123456789abcdef0123456789abcdef/access/certificates";
    let name = "n".repeat(351);
    let unknown = format!("{certificates}/f174e90a-fafe-4643-bbbc-4a0ed4fc8415");
    let app = |domain: &str| json!({ "type": "self_hosted", "domain": domain });
    let cases = [
        ("GET", other, Value::Null, (403, 10000, "Authentication error")),
        (
            "GET",
            "/client/v4/accounts/me/access/certificates",
            Value::Null,
            (404, 7003, "Could not route to /accounts/me"),
        ),
        ("GET", "/client/v4/no/such/route", Value::Null, (404, 7003, "No route for the URI")),
        ("PATCH", &*certificates, Value::Null, (404, 7003, "No route for the URI")),
        ("GET", &*unknown, Value::Null, (404, 12135, "access.api.error.not_found")),
        ("DELETE", &*unknown, Value::Null, (404, 12135, "access.api.error.not_found")),
        ("POST", &*certificates, json!({ "name": "x" }), (400, 12130, "`certificate` is missing")),
        ("POST", &*certificates, json!([]), (400, 12130, "the body is a JSON object")),
        (
            "POST",
            &*certificates,
            json!({ "name": name, "certificate": pem }),
            (400, 12130, "more than 350 characters"),
        ),
        ("POST", &*certificates, json!({ "name": "leaf", "certificate": leaf }), (400, 12130, "is not a CA")),
        ("POST", &*certificates, json!({ "name": "CA", "certificate": pem }), (201, 0, "")),
        (
            "POST",
            &*certificates,
            json!({ "name": "CA 2", "certificate": pem }),
            (400, 12130, "maximum number of certificates has been reached"),
        ),
        ("POST", &*groups, json!({ "name": "g", "include": [] }), (400, 12130, "at least one rule")),
        ("POST", &*groups, json!({ "name": "g", "include": [{ "everyone": {} }] }), (201, 0, "")),
        (
            "POST",
            &*groups,
            json!({ "name": "g", "include": [{ "everyone": {} }] }),
            (400, 12130, "maximum number of groups"),
        ),
        ("POST", &*webhooks, webhook.clone(), (201, 0, "")),
        ("POST", &*webhooks, webhook, (400, 12130, "maximum number of webhooks")),
        ("POST", &*alerts, alert.clone(), (200, 0, "")),
        ("POST", &*alerts, alert, (400, 12130, "maximum number of policies")),
        ("POST", &*apps, json!({ "domain": HOST }), (400, 12130, "app type is missing or invalid")),
        ("POST", &*apps, app(HOST), (201, 0, "")),
        ("POST", &*apps, app(HOST), (409, 11010, "access.api.error.application_already_exists")),
        ("GET", &*format!("{groups}?page=0"), Value::Null, (400, 12130, "begin with 1")),
        ("GET", &*format!("{groups}?page=x"), Value::Null, (400, 12130, "`page` is `x`")),
        ("GET", &*format!("{groups}?page=9"), Value::Null, (200, 0, "")),
    ];
    for (method, path, body, (status, code, message)) in cases {
        let said = said(&gateway, method, path, body.clone());
        assert_eq!((said.0, said.1), (status, code), "{method} {path} {body}: {}", said.2);
        assert!(said.2.contains(message), "{method} {path} {body}: {}", said.2);
    }
    let again = gateway.api("POST", &apps, Some(&app(HOST)));
    assert_eq!(again.header("x-should-retry"), Some("false"));
    let page = gateway.api("GET", &format!("{groups}?page=2&per_page=1"), None).json();
    assert_eq!(page["result"], json!([]));
    let info = json!({ "page": 2, "per_page": 1, "count": 0, "total_count": 1, "total_pages": 1 });
    assert_eq!(page["result_info"], info);
}

#[test]
fn what_the_file_declares_is_shown_and_changed_there_only() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().api());
    for path in ["access/certificates", "access/apps"] {
        let list = gateway.account(path);
        let shown = gateway.api("GET", &list, None).json();
        let id = shown["result"][0]["id"].as_str().unwrap().to_owned();
        let place = shown["result"][0]["declared_at"].as_str().unwrap().to_owned();
        let body = json!({ "type": "self_hosted", "domain": HOST, "associated_hostnames": [HOST] });
        let (status, code, message) = said(&gateway, "PUT", &format!("{list}/{id}"), body);
        assert_eq!((status, code), (409, 12132), "{message}");
        assert!(message.contains(&place) && message.contains("change it there"), "{message}");
        if path == "access/apps" {
            let (status, ..) = said(&gateway, "DELETE", &format!("{list}/{id}"), Value::Null);
            assert_eq!(status, 409);
        }
    }
    assert_eq!(site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status(), 200);
}

/// The request of the product document, as it stands there.
#[test]
fn the_documents_own_request_changes_what_the_origin_sees() {
    let site = Site::new();
    let gateway = Gateway::start(site.setup().api().table("forwarding", "rfc9440 = false"));
    let path = gateway.zone("access/certificates/settings");
    let headers = [
        "X-Auth-Email: <EMAIL>",
        &format!("X-Auth-Key: {}", gateway.api_token()),
        "Content-Type: application/json",
    ];
    let body = json!({ "settings": [{ "hostname": HOST, "china_network": false, "client_certificate_forwarding": true }] });
    let seen = || {
        site.client().connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap();
        site.origin.requests().last().unwrap().header("cf-client-cert-der-base64").is_some()
    };
    assert!(!seen());
    let answer = gateway.api_with(&headers, "PUT", &path, Some(&body));
    assert_eq!((answer.status(), &answer.json()["result"]), (202, &body["settings"]));
    assert!(seen());
    // Only named, a hostname loses its setting.
    gateway.api("PUT", &path, Some(&json!({ "settings": [{ "hostname": HOST }] })));
    assert_eq!(gateway.api("GET", &path, None).json()["result"], json!([]));
    assert!(!seen());
}
