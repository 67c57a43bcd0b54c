//! The command line says who is told before certificates expire, and shows who was.

use std::time::Duration;

use fleetgate_tests::gateway::{Gateway, quoted};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use fleetgate_tests::webhook::Webhook;
use serde_json::{Value, json};

#[test]
fn webhooks_and_policies_come_and_go_by_command_and_tell() {
    let site = Site::new();
    let webhook = Webhook::start(&site.servers.server(&["localhost"]));
    let soon = Ca::root_for("Soon", Duration::from_hours(24 * 5));
    let setup = site.setup().trust("soon", &soon.path, &[HOST]).api();
    let settings = format!("ca = {}\nallow_private = true", quoted(&site.servers.path));
    let gateway = Gateway::start(setup.table("alert", &settings));
    let must = |arguments: &[&str]| {
        let said = gateway.cli("alert", arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said.stdout
    };
    let refused = |arguments: &[&str], why: &str| {
        let said = gateway.cli("alert", arguments);
        assert!(said.code != 0 && said.stderr.contains(why), "{arguments:?}: {said:?}");
    };
    let parsed = |arguments: &[&str]| serde_json::from_str::<Value>(&must(arguments)).unwrap();

    let secret = gateway.folder().join("secret");
    std::fs::write(&secret, "s3cret\nnot this line\n").unwrap();
    let (url, secret) = (webhook.url(), secret.to_str().unwrap().to_owned());
    let added = must(&["webhook", "add", "ops", &url, "--secret-file", &secret]);
    assert!(added.contains("ops") && added.contains("generic") && !added.contains("s3cret"), "{added}");
    wait::until("the test message", || (!webhook.received().is_empty()).then_some(()));
    assert_eq!(webhook.received()[0].header("cf-webhook-auth"), Some("s3cret"));

    let policy = parsed(&["policy", "add", "expiry", "--webhook", "ops", "--days", "30,7", "--json"]);
    assert_eq!(policy["filters"]["days"], json!(["30", "7"]));
    let alert = webhook.wait_alerts(1)[0].json();
    assert_eq!(alert["policy_id"], policy["id"]);
    let table = must(&["policy", "list"]);
    let hook = policy["mechanisms"]["webhooks"][0]["id"].as_str().unwrap();
    assert!(table.contains("30 7") && table.contains(&format!("webhook:{hook}")), "{table}");
    let history =
        wait::until("the record", || Some(must(&["history"])).filter(|history| history.lines().count() == 2));
    assert!(history.contains("expiry") && history.contains(alert["text"].as_str().unwrap()), "{history}");
    assert_eq!(parsed(&["history", "--json"])[0]["policy_id"], policy["id"]);
    assert!(parsed(&["webhook", "list", "--json"])[0]["last_success"].is_string());

    refused(&["webhook", "rm", "ops"], "tells this webhook");
    refused(&["webhook", "add", "plain", "http://hooks.example.com"], "alert.allow_http");
    refused(&["webhook", "add", "x", &url, "--type", "fax"], "slack");
    refused(&["webhook", "add", "x", &url, "--secret-file", "/nowhere"], "cannot read /nowhere");
    refused(&["policy", "add", "x"], "--webhook");
    refused(&["policy", "add", "x", "--webhook", "y"], "none with the id or name `y`");
    refused(&["policy", "add", "x", "--webhook", "ops", "--days", "400"], "from 1 to 365");
    refused(&["policy", "add", "x", "--email", "ops@example.com"], "[alert.smtp]");
    for kind in ["policy", "webhook"] {
        let name = if kind == "policy" { "expiry" } else { "ops" };
        assert!(must(&[kind, "rm", name]).starts_with("removed "));
        assert_eq!(must(&[kind, "list"]).lines().count(), 1, "only the headings");
    }
}
