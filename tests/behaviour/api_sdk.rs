//! Cloudflare's own clients work against the gateway, call by call, and what they change is what traffic sees.

use std::path::Path;

use fleetgate_tests::gateway::{Gateway, Setup, quoted};
use fleetgate_tests::sdk::Sdk;
use fleetgate_tests::site::{HOST, Site};
use serde_json::{Value, json};

const ACCESS: &str = "zero_trust.access";

struct Scene {
    site: Site,
    gateway: Gateway,
    sdk: Sdk,
    account: String,
    zone: String,
}

impl Scene {
    fn new(open: fn(&Gateway) -> Option<Sdk>) -> Option<Self> {
        let site = Site::new();
        let countries =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/src/access/geo/tests/countries.mmdb");
        let setup = Setup::default()
            .host(site.host())
            .api()
            .table("forwarding", "rfc9440 = false")
            .table("access", &format!("geo_database = {}", quoted(&countries)));
        let gateway = Gateway::start(setup);
        let sdk = open(&gateway)?;
        let status = gateway.status();
        let id = |key: &str| status[key].as_str().unwrap().to_owned();
        let (account, zone) = (id("account_id"), id("zone_id"));
        Some(Self { site, gateway, sdk, account, zone })
    }

    /// The named arguments with the account.
    fn with(&self, scope: &str, mut named: Value) -> Value {
        named[scope] = json!(if scope == "zone_id" { &self.zone } else { &self.account });
        named
    }

    #[track_caller]
    fn must(&mut self, path: &str, arguments: &[&str], named: Value) -> Value {
        let named = self.with("account_id", named);
        self.sdk.must(&format!("{ACCESS}.{path}"), arguments, named)
    }

    /// The status that the device gets, and whether its request reached the origin with the header.
    fn device(&self, header: &str) -> (u16, bool) {
        let mut connection = self.site.client().connect(self.gateway.address(), HOST).unwrap();
        let status = connection.get(HOST, "/").unwrap().status();
        let has = self.site.origin.requests().last().is_some_and(|request| request.header(header).is_some());
        (status, has)
    }

    fn status(&self) -> u16 {
        self.device("cf-client-cert-sha256").0
    }

    fn pem(&self) -> String {
        std::fs::read_to_string(&self.site.devices.path).unwrap()
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value:#}"))
}

/// The whole list of calls, with what each does to devices.
fn walk(mut scene: Scene) {
    let verified = scene.sdk.must("user.tokens.verify", &[], json!({}));
    assert_eq!(verified["status"], "active");
    certificates(&mut scene);
    let policy = policies(&mut scene);
    let application = applications(&mut scene, &policy);
    forwarding(&mut scene);
    transforms(&mut scene);
    the_rest(&mut scene, &application);
    denials(&mut scene, &application, &policy);
    removal(&mut scene);
}

fn certificates(scene: &mut Scene) {
    let pem = scene.pem();
    let created = scene.must(
        "certificates.create",
        &[],
        json!({ "name": "Test CA", "certificate": pem, "associated_hostnames": [HOST] }),
    );
    let id = text(&created, "id").to_owned();
    assert!(text(&created, "fingerprint").starts_with("MD5 Fingerprint="));
    assert!(text(&created, "expires_on").ends_with('Z'));
    let got = scene.must("certificates.get", &[&id], json!({}));
    assert_eq!(got, created);
    let all = scene.must("certificates.list", &[], json!({}));
    assert_eq!(all, json!([created]), "and the list ends");
    let named = json!({ "name": "Test CA 2", "associated_hostnames": [HOST] });
    let updated = scene.must("certificates.update", &[&id], named);
    assert_eq!((text(&updated, "name"), &updated["associated_hostnames"]), ("Test CA 2", &json!([HOST])));
    // The zone has the same.
    let of_zone = scene.with("zone_id", json!({ "page": 1, "per_page": 50 }));
    let of_zone = scene.sdk.must("zero_trust.access.certificates.list", &[], of_zone);
    assert_eq!(of_zone, json!([updated]));
}

fn policies(scene: &mut Scene) -> String {
    let policy = scene.must(
        "policies.create",
        &[],
        json!({
            "name": "devices", "decision": "non_identity",
            "include": [{ "common_name": { "common_name": "device-1" } }], "require": [{ "certificate": {} }],
            "exclude": [{ "ip": { "ip": "10.0.0.0/8" } }], "session_duration": "1h",
        }),
    );
    let id = text(&policy, "id").to_owned();
    assert_eq!((&policy["reusable"], &policy["app_count"]), (&json!(true), &json!(0)));
    let all = scene.must("policies.list", &[], json!({}));
    assert_eq!(all[0]["id"], policy["id"]);
    id
}

fn applications(scene: &mut Scene, policy: &str) -> String {
    assert_eq!(scene.status(), 403, "nothing is permitted without an application");
    let created = scene.must(
        "applications.create",
        &[],
        json!({
            "type": "self_hosted", "domain": HOST, "name": "Devices", "session_duration": "2h",
            "destinations": [{ "type": "public", "uri": HOST }],
            "policies": [{ "id": policy, "precedence": 1 }],
        }),
    );
    let id = text(&created, "id").to_owned();
    assert_eq!(text(&created, "aud").len(), 64);
    assert_eq!(text(&created["policies"][0], "id"), policy);
    assert_eq!(scene.status(), 200, "its policy permits the device");
    let got = scene.must("applications.get", &[&id], json!({}));
    assert_eq!(got["aud"], created["aud"]);
    let all = scene.must("applications.list", &[], json!({}));
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(scene.must("policies.get", &[policy], json!({}))["app_count"], 1);
    id
}

fn forwarding(scene: &mut Scene) {
    let setting = |forwarding: bool| {
        json!({ "settings": [{
            "hostname": HOST, "china_network": false, "client_certificate_forwarding": forwarding,
        }] })
    };
    for forwarding in [true, false, true, false] {
        let named = setting(forwarding);
        let said = scene.must("certificates.settings.update", &[], named);
        assert_eq!(said[0]["client_certificate_forwarding"], forwarding);
        assert_eq!(scene.device("cf-client-cert-sha256"), (200, forwarding));
    }
    let all = scene.must("certificates.settings.get", &[], json!({}));
    assert_eq!(all[0]["hostname"], HOST);
}

fn transforms(scene: &mut Scene) {
    let id = "add_client_certificate_headers";
    let named = json!({
        "managed_request_headers": [{ "id": id, "enabled": true }], "managed_response_headers": [],
    });
    let named = scene.with("zone_id", named);
    let edited = scene.sdk.must("managed_transforms.edit", &[], named);
    assert_eq!(edited["managed_request_headers"][0]["enabled"], true);
    assert_eq!(scene.device("cf-cert-presented"), (200, true));
    let named = scene.with("zone_id", json!({}));
    scene.sdk.must("managed_transforms.delete", &[], named.clone());
    assert_eq!(scene.device("cf-cert-presented"), (200, false));
    let listed = scene.sdk.must("managed_transforms.list", &[], named);
    assert_eq!(listed["managed_request_headers"][0]["enabled"], false);
}

fn the_rest(scene: &mut Scene, application: &str) {
    scene.must("applications.revoke_tokens", &[application], json!({}));
    let keys = scene.must("keys.get", &[], json!({}));
    let rotated = scene.must("keys.rotate", &[], json!({}));
    assert!(rotated["last_key_rotation_at"].as_str() >= keys["last_key_rotation_at"].as_str());
    let keys = scene.must("keys.update", &[], json!({ "key_rotation_interval_days": 30 }));
    assert_eq!(keys["key_rotation_interval_days"], 30.0);
    assert_eq!(keys["days_until_next_rotation"], 30.0);
    let account = scene.with("account_id", json!({}));
    scene.sdk.must("zero_trust.organizations.list", &[], account);
    let include = json!([{ "ip": { "ip": "192.0.2.0/24" } }]);
    let group = scene.must("groups.create", &[], json!({ "name": "g", "include": include }));
    scene.must("groups.delete", &[text(&group, "id")], json!({}));
    let token = scene.must("service_tokens.create", &[], json!({ "name": "ci", "duration": "60m" }));
    let id = text(&token, "id").to_owned();
    let rotated = scene.must("service_tokens.rotate", &[&id], json!({}));
    assert_ne!(text(&rotated, "client_secret"), text(&token, "client_secret"));
    let got = scene.must("service_tokens.get", &[&id], json!({}));
    assert_eq!(got["client_secret"], Value::Null, "a secret is told once");
    scene.must("service_tokens.refresh", &[&id], json!({}));
    scene.must("service_tokens.delete", &[&id], json!({}));
    let named = json!({ "limit": 5, "direction": "desc", "since": "2020-07-01T05:20:00Z" });
    let log = scene.must("logs.access_requests.list", &[], named);
    assert_eq!((&log[0]["allowed"], text(&log[0], "app_uid")), (&json!(true), application));
}

fn denials(scene: &mut Scene, application: &str, policy: &str) {
    let rule = json!({
        "name": "nobody", "decision": "deny", "precedence": 2, "include": [{ "certificate": {} }],
    });
    let own = scene.must("applications.policies.create", &[application], rule.clone());
    let id = text(&own, "id").to_owned();
    let mut changed = rule;
    changed["require"] = json!([{ "geo": { "country_code": "US" } }]);
    changed["app_id"] = json!(application);
    let updated = scene.must("applications.policies.update", &[&id], changed);
    assert_eq!(updated["require"][0]["geo"]["country_code"], "US");
    let listed = scene.must("applications.policies.list", &[application], json!({}));
    assert_eq!(listed.as_array().unwrap().len(), 2, "the shared one, and its own");
    scene.must("applications.policies.get", &[&id], json!({ "app_id": application }));
    scene.must("applications.policies.delete", &[&id], json!({ "app_id": application }));
    let used = scene.with("account_id", json!({}));
    let refused = scene.sdk.call("zero_trust.access.policies.delete", &[policy], used);
    assert_eq!((refused.status, refused.requests), (Some(409), 1), "an application uses it");
    let named = json!({ "type": "self_hosted", "domain": HOST, "policies": [] });
    scene.must("applications.update", &[application], named);
    scene.must("policies.delete", &[policy], json!({}));
    assert_eq!(scene.status(), 403, "its policy is gone");
    let inline = json!([{ "name": "all", "decision": "non_identity", "include": [{ "certificate": {} }] }]);
    let named = json!({ "type": "self_hosted", "domain": HOST, "policies": inline });
    scene.must("applications.update", &[application], named);
    assert_eq!(scene.status(), 200, "it has one of its own");
}

fn removal(scene: &mut Scene) {
    let all = scene.must("certificates.list", &[], json!({}));
    let id = text(&all[0], "id").to_owned();
    let account = scene.with("account_id", json!({}));
    let path = "zero_trust.access.certificates";
    let refused = scene.sdk.call(&format!("{path}.delete"), &[&id], account.clone());
    assert_eq!((refused.status, refused.code, refused.requests), (Some(409), Some(12132), 1), "{refused:?}");
    scene.must("certificates.update", &[&id], json!({ "associated_hostnames": [] }));
    assert_eq!(scene.status(), 403, "its hosts were taken from the CA");
    assert_eq!(scene.must("certificates.delete", &[&id], json!({}))["id"], id);
    let gone = scene.sdk.call(&format!("{path}.get"), &[&id], account);
    assert_eq!((gone.status, gone.code), (Some(404), Some(12135)), "{gone:?}");
    let zone = scene.with("zone_id", json!({ "name": "Zone CA", "certificate": scene.pem() }));
    let created = scene.sdk.must(&format!("{path}.create"), &[], zone);
    let zone = scene.with("zone_id", json!({}));
    scene.sdk.must(&format!("{path}.delete"), &[text(&created, "id")], zone);
    let applications = scene.must("applications.list", &[], json!({}));
    scene.must("applications.delete", &[text(&applications[0], "id")], json!({}));
    assert_eq!(scene.must("applications.list", &[], json!({})), json!([]));
}

#[test]
fn the_python_client_works_and_traffic_follows() {
    if let Some(scene) = Scene::new(Sdk::python) {
        walk(scene);
    }
}

#[test]
fn the_typescript_client_works_and_traffic_follows() {
    if let Some(scene) = Scene::new(Sdk::node) {
        walk(scene);
    }
}
