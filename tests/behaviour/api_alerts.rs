//! Cloudflare's own client sets alerts up, and what it sets up tells of CAs that expire.

use std::time::Duration;

use fleetgate_tests::gateway::{Gateway, quoted};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::sdk::Sdk;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use fleetgate_tests::webhook::Webhook;
use serde_json::{Value, json};

const ALERT: &str = "access_custom_certificate_expiration_type";

struct Scene {
    gateway: Gateway,
    sdk: Sdk,
    webhook: Webhook,
    account: String,
}

impl Scene {
    fn new() -> Option<Self> {
        let site = Site::new();
        let webhook = Webhook::start(&site.servers.server(&["localhost"]));
        let soon = Ca::root_for("Soon", Duration::from_hours(24 * 10 - 12));
        let in_file = "name = \"declared\"\nurl = \"https://hooks.example.com/x\"";
        let setup = site
            .setup()
            .trust("soon", &soon.path, &[HOST])
            .api()
            .table(
                "alert",
                &format!("ca = {}\nallow_private = true\ntimeout = \"2s\"", quoted(&site.servers.path)),
            )
            .array("alert_webhook", in_file);
        let gateway = Gateway::start(setup);
        let sdk = Sdk::python(&gateway)?;
        let account = gateway.status()["account_id"].as_str().unwrap().to_owned();
        Some(Self { gateway, sdk, webhook, account })
    }

    fn with_account(&self, mut named: Value) -> Value {
        named["account_id"] = json!(self.account);
        named
    }

    #[track_caller]
    fn must(&mut self, path: &str, arguments: &[&str], named: Value) -> Value {
        let named = self.with_account(named);
        self.sdk.must(&format!("alerting.{path}"), arguments, named)
    }

    #[track_caller]
    fn status(&mut self, path: &str, arguments: &[&str], named: Value) -> Option<u64> {
        let named = self.with_account(named);
        self.sdk.call(&format!("alerting.{path}"), arguments, named).status
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value:#}")).to_owned()
}

#[test]
fn the_client_sets_alerts_up_and_reads_what_was_sent() {
    let Some(mut scene) = Scene::new() else { return };
    let available = scene.must("available_alerts.list", &[], json!({}));
    assert!(available.to_string().contains(ALERT), "{available:#}");
    let url = scene.webhook.url();
    let hook = json!({ "name": "hook", "url": url, "secret": "s3cret" });
    let hook = id(&scene.must("destinations.webhooks.create", &[], hook));
    wait::until("the test message", || (!scene.webhook.received().is_empty()).then_some(()));
    assert_eq!(scene.webhook.received()[0].header("cf-webhook-auth"), Some("s3cret"));

    let mechanisms = json!({ "webhooks": [{ "id": hook }] });
    let policy = json!({
        "name": "expiry", "alert_type": ALERT, "enabled": true, "mechanisms": mechanisms, "filters": {},
    });
    let policy = id(&scene.must("policies.create", &[], policy));
    let alert = scene.webhook.wait_alerts(1)[0].json();
    assert_eq!((&alert["policy_id"], &alert["policy_name"]), (&json!(policy), &json!("expiry")));
    let got = scene.must("policies.get", &[&policy], json!({}));
    assert_eq!((&got["alert_type"], &got["mechanisms"]["webhooks"][0]["id"]), (&json!(ALERT), &json!(hook)));
    assert_eq!(scene.must("policies.list", &[], json!({})).as_array().unwrap().len(), 1);

    let hooks = wait::until("the record", || {
        let hooks = scene.must("destinations.webhooks.list", &[], json!({}));
        hooks[1]["last_success"].is_string().then_some(hooks)
    });
    assert_eq!(
        (&hooks[0]["name"], &hooks[1]["name"], &hooks[1]["type"]),
        (&json!("declared"), &json!("hook"), &json!("generic"))
    );
    assert!(!hooks.to_string().contains("s3cret"), "{hooks:#}");
    let history = scene.must("history.list", &[], json!({}));
    assert_eq!((history.as_array().unwrap().len(), &history[0]["policy_id"]), (1, &json!(policy)));
    assert_eq!((&history[0]["mechanism_type"], &history[0]["mechanism"]), (&json!("webhook"), &json!(hook)));
    let later = json!({ "since": "2200-01-01T00:00:00Z" });
    assert_eq!(scene.must("history.list", &[], later), json!([]));

    // A secret that is not given stays.
    scene.must("destinations.webhooks.update", &[&hook], json!({ "name": "renamed", "url": url }));
    scene.must("policies.update", &[&policy], json!({ "filters": { "days": ["30", "7"] } }));
    let plan: Value = serde_json::from_str(&scene.gateway.cli("alert", &["plan", "--json"]).stdout).unwrap();
    let days: Vec<_> = plan["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["subject"] == "CN=Soon")
        .map(|it| &it["days"])
        .collect();
    assert_eq!(days, [&json!(30), &json!(7)]);
    scene.gateway.cli("alert", &["test", "renamed"]);
    assert_eq!(scene.webhook.received().last().unwrap().header("cf-webhook-auth"), Some("s3cret"));

    assert_eq!(
        scene.status("destinations.webhooks.delete", &[&hook], json!({})),
        Some(409),
        "a policy tells it"
    );
    scene.must("policies.delete", &[&policy], json!({}));
    scene.must("destinations.webhooks.delete", &[&hook], json!({}));
    assert_eq!(scene.status("policies.get", &[&policy], json!({})), Some(404));
    assert!(!scene.gateway.output().everything().contains("s3cret"));
}

#[test]
fn what_would_reach_nobody_is_refused_and_the_files_stays_as_it_is() {
    let Some(mut scene) = Scene::new() else { return };
    let hook = |more: &[(&str, Value)]| {
        let mut hook = json!({ "name": "hook", "url": "https://hooks.example.com/x" });
        hook.as_object_mut()
            .unwrap()
            .extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        hook
    };
    for wrong in [
        hook(&[("url", json!("http://hooks.example.com/x"))]),
        hook(&[("url", json!("ftp://hooks.example.com/x"))]),
        hook(&[("name", json!(""))]),
        hook(&[("secret", json!("a b"))]),
    ] {
        assert_eq!(scene.status("destinations.webhooks.create", &[], wrong.clone()), Some(400), "{wrong}");
    }
    let policy = |mechanisms: Value, days: Value| {
        json!({
            "name": "p", "alert_type": ALERT, "enabled": true, "mechanisms": mechanisms, "filters": { "days": days },
        })
    };
    let nobody = json!({ "webhooks": [{ "id": "00000000-0000-4000-8000-000000000000" }] });
    let mail = json!({ "email": [{ "id": "ops@example.com" }] });
    for wrong in
        [policy(nobody, json!(["30"])), policy(mail, json!(["30"])), policy(json!({}), json!(["400"]))]
    {
        assert_eq!(scene.status("policies.create", &[], wrong.clone()), Some(400), "{wrong}");
    }
    let declared = id(&scene.must("destinations.webhooks.list", &[], json!({}))[0]);
    assert_eq!(scene.status("destinations.webhooks.delete", &[&declared], json!({})), Some(409));
    assert_eq!(scene.status("destinations.webhooks.update", &[&declared], hook(&[])), Some(409));
}
