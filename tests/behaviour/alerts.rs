//! Whoever is to be told that a CA expires is told once, whatever happens to the gateway.

use std::fs;
use std::time::Duration;

use fleetgate_tests::gateway::{Gateway, Setup, quoted};
use fleetgate_tests::message::Message;
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use fleetgate_tests::webhook::Webhook;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// In the middle of a day, so that no test is about the second at which one ends.
fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days - 12)
}

/// A site with a receiver.
struct Scene {
    site: Site,
    identity: Identity,
    webhook: Webhook,
}

impl Scene {
    fn new() -> Self {
        let site = Site::new();
        let identity = site.servers.server(&["localhost"]);
        fs::write(site.devices.path.with_file_name("secret"), "s3cret\n").unwrap();
        let webhook = Webhook::start(&identity);
        Self { site, identity, webhook }
    }

    /// A gateway that trusts `ca` besides the site's, which is good for long.
    fn setup(&self, ca: &Ca) -> Setup {
        let secret = quoted(&self.site.devices.path.with_file_name("secret"));
        let url = self.webhook.url();
        self.site
            .setup()
            .trust("soon", &ca.path, &[HOST])
            .table("server", "state_dir = \".\"")
            .table(
                "alert",
                &format!("ca = {}\nallow_private = true\nretry = \"1s\"", quoted(&self.site.servers.path)),
            )
            .array("alert_webhook", format!("name = \"ops\"\nurl = {url:?}\nsecret_file = {secret}"))
            .array("alert_policy", "name = \"expiry\"\nwebhooks = [\"ops\"]\ndays = [30, 14, 7, 1, 0]")
    }
}

fn plan(gateway: &Gateway) -> Vec<(u64, String)> {
    let said = gateway.cli("alert", &["plan", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let plan: Value = serde_json::from_str(&said.stdout).unwrap();
    let alerts = plan["alerts"].as_array().unwrap().iter().filter(|alert| alert["subject"] == "CN=Soon");
    alerts
        .map(|alert| (alert["days"].as_u64().unwrap(), alert["status"].as_str().unwrap().to_owned()))
        .collect()
}

/// Has the gateway tell somebody new, twice: whatever was due for others before has been sent by the second time.
fn wait_for_a_round(scene: &Scene, gateway: &Gateway, number: u32) {
    for kind in 0..2 {
        let other = Webhook::start(&scene.identity);
        let id = format!("{number:08x}-0000-4000-8000-{kind:012x}");
        let document = json!({ "name": "other", "url": other.url() });
        gateway.must_change(&json!([{ "kind": "alert_webhook", "id": id, "document": document }]));
        wait::until("a test message", || (!other.received().is_empty()).then_some(()));
        gateway.must_change(&json!([{ "kind": "alert_webhook", "id": id, "document": null }]));
    }
}

fn id(message: &Message) -> String {
    message.header("idempotency-key").unwrap().to_owned()
}

#[test]
fn a_ca_that_expires_soon_is_told_of_once_over_restarts_kills_and_reloads() {
    let scene = Scene::new();
    let soon = Ca::root_for("Soon", days(20));
    let mut gateway = Gateway::start(scene.setup(&soon));
    let alert = &scene.webhook.wait_alerts(1)[0];
    let body = alert.json();
    assert_eq!(body["data"]["days_til_expiration"], 20);
    assert_eq!(
        (&body["data"]["certificate_name"], &body["data"]["hostnames"]),
        (&json!("soon"), &json!(HOST))
    );
    assert_eq!(body["account_id"], gateway.status()["account_id"]);
    assert_eq!(alert.header("cf-webhook-auth"), Some("s3cret"));
    let expected = [(30, "delivered"), (14, "planned"), (7, "planned"), (1, "planned"), (0, "planned")];
    wait::until("the record", || (plan(&gateway)[0].1 == "delivered").then_some(()));
    assert_eq!(plan(&gateway), expected.map(|(days, status)| (days, status.to_owned())));

    for (number, signal) in (0..).zip([Signal::SIGKILL, Signal::SIGTERM, Signal::SIGKILL]) {
        gateway.signal(signal);
        gateway.wait();
        gateway.start_again();
        wait_for_a_round(&scene, &gateway, number);
    }
    gateway.must_reload();
    wait_for_a_round(&scene, &gateway, 9);
    assert_eq!(
        (scene.webhook.alerts().len(), scene.webhook.received().len()),
        (1, 2),
        "with one test message"
    );
    let everything = gateway.output().everything();
    assert!(!everything.contains("s3cret") && !everything.contains("t0ken"), "{everything}");
}

#[test]
fn a_gateway_that_is_killed_while_it_sends_sends_the_same_once_more() {
    let scene = Scene::new();
    let soon = Ca::root_for("Soon", days(5));
    let mut gateway = Gateway::start(scene.setup(&soon));
    scene.webhook.wait_alerts(1);
    // Another CA, whose alert is taken and not answered.
    scene.webhook.be_silent(true);
    let next = Ca::root_for("Next", days(5));
    gateway.configure(&scene.setup(&soon).trust("next", &next.path, &[HOST]));
    gateway.must_reload();
    let before = scene.webhook.wait_alerts(2);
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    scene.webhook.be_silent(false);
    gateway.start_again();
    scene.webhook.wait_alerts(3);
    wait_for_a_round(&scene, &gateway, 1);
    let ids: Vec<_> = scene.webhook.alerts().iter().map(id).collect();
    assert_eq!(
        ids,
        [id(&before[0]), id(&before[1]), id(&before[1])],
        "the interrupted one only, and as the same"
    );
}

#[test]
fn a_renewed_ca_is_told_of_in_the_place_of_the_one_before() {
    let scene = Scene::new();
    let (old, new) = (Ca::root_for("Soon", days(20)), Ca::root_for("Soon", days(900)));
    let renewed = Ca::bundle(&[&old, &new]);
    let setup = scene.setup(&old).replace(&quoted(&old.path), &quoted(&renewed));
    let gateway = Gateway::start(setup);
    wait_for_a_round(&scene, &gateway, 1);
    let statuses: Vec<_> = plan(&gateway).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses.iter().filter(|status| *status == "renewed").count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| *status == "planned").count(), 5, "{statuses:?}");
    assert_eq!(scene.webhook.alerts().len(), 0);
    let soonest = gateway
        .metric("fleetgate_certificate_not_after_timestamp_seconds", &[("kind", "ca"), ("name", "soon")]);
    assert!(soonest > 0);
}

#[test]
fn a_url_into_our_own_network_is_not_asked_unless_that_is_allowed() {
    let scene = Scene::new();
    let soon = Ca::root_for("Soon", days(5));
    let gateway = Gateway::start(scene.setup(&soon).replace("allow_private = true\n", ""));
    let said = gateway.cli("alert", &["test", "ops"]);
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("no public address; set alert.allow_private"), "{said:?}");
    assert!(scene.webhook.received().is_empty());
    gateway.configure(&scene.setup(&soon).replace("https://localhost", "http://localhost"));
    let said = gateway.reload();
    let text = format!("{}{}", said.stdout, said.stderr);
    assert!(
        said.code == 1 && text.contains("http is not accepted unless alert.allow_http is set"),
        "{said:?}"
    );
}

#[test]
fn whoever_does_not_answer_a_test_message_holds_up_nobody_else() {
    let scene = Scene::new();
    let other = Webhook::start(&scene.identity);
    let soon = Ca::root_for("Soon", days(900));
    let setup = scene
        .setup(&soon)
        // Longer than anybody waits here.
        .replace("retry = \"1s\"", "retry = \"1s\"\ntimeout = \"1h\"")
        .array("alert_webhook", format!("name = \"other\"\nurl = {:?}", other.url()));
    let gateway = Gateway::start(setup);
    let both = [&scene.webhook, &other];
    let wait_each = |count: usize| {
        let have = || both.iter().all(|webhook| webhook.received().len() >= count).then_some(());
        wait::until(&format!("{count} messages each"), have);
    };
    wait_each(1);
    let be_silent = |is_silent| {
        for webhook in both {
            webhook.be_silent(is_silent);
        }
    };
    be_silent(true);
    let said = std::thread::scope(|scope| {
        let testing = scope.spawn(|| gateway.cli("alert", &["test", "--json"]));
        // Neither has answered yet.
        wait_each(2);
        be_silent(false);
        testing.join().unwrap()
    });
    assert_eq!(said.code, 0, "{said:?}");
    let results: Value = serde_json::from_str(&said.stdout).unwrap();
    let names: Vec<_> = results["results"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names.len(), 2, "{results:#}");
}
