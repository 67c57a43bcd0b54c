//! Each receiver gets what its provider documents, and reads no more into a certificate's names than text.

use std::time::Duration;

use fleetgate_tests::gateway::{Gateway, quoted};
use fleetgate_tests::message::Message;
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use fleetgate_tests::webhook::Webhook;
use serde_json::{Value, json};

/// As long as those of `PagerDuty` are.
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// What would call everybody, and be more than text.
const NAME: &str = "<!channel> & @everyone <https://evil.example|here>";

/// A receiver of a shape, with the bodies of the first test message and the first alert.
struct Receiver {
    shape: &'static str,
    webhook: Webhook,
}

impl Receiver {
    fn start(shape: &'static str, identity: &Identity) -> Self {
        Self { shape, webhook: Webhook::start(identity) }
    }

    /// A test message, and then an alert.
    #[track_caller]
    fn messages(&self) -> [Message; 2] {
        let both = || <[Message; 2]>::try_from(self.webhook.received()).ok();
        let messages = wait::until(self.shape, both);
        for message in &messages {
            assert_eq!(message.header("content-type"), Some("application/json"), "{}", self.shape);
            let secret = Some(KEY).filter(|_| self.shape != "pagerduty");
            assert_eq!(message.header("cf-webhook-auth"), secret, "{}", self.shape);
        }
        messages
    }

    fn bodies(&self) -> [Value; 2] {
        self.messages().map(|message| message.json())
    }
}

/// An object's keys, in their order.
fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn length(text: &Value) -> usize {
    text.as_str().unwrap().chars().count()
}

#[test]
fn every_provider_gets_the_shape_that_it_documents() {
    let site = Site::new();
    let identity = site.servers.server(&["localhost"]);
    let receivers =
        ["generic", "slack", "discord", "teams", "pagerduty"].map(|shape| Receiver::start(shape, &identity));
    let secret = site.devices.path.with_file_name("secret");
    std::fs::write(&secret, KEY).unwrap();
    // So many that the text is longer than some take.
    let hosts: Vec<_> = (0..60).map(|number| format!("{}-{number}.example.com", "a".repeat(40))).collect();
    let hosts: Vec<_> = hosts.iter().map(String::as_str).chain([HOST]).collect();
    let soon = Ca::root_for(NAME, Duration::from_hours(24 * 5 - 12));
    let settings = format!("ca = {}\nallow_private = true", quoted(&site.servers.path));
    let mut setup = site
        .setup()
        .trust("soon", &soon.path, &hosts)
        .table("server", "state_dir = \".\"")
        .table("alert", &settings)
        .array(
            "alert_policy",
            "name = \"expiry\"\nwebhooks = [\"generic\", \"slack\", \"discord\", \"teams\", \"pagerduty\"]",
        );
    for Receiver { shape, webhook } in &receivers {
        let (url, secret) = (webhook.url(), quoted(&secret));
        let lines = format!("name = {shape:?}\ntype = {shape:?}\nurl = {url:?}\nsecret_file = {secret}");
        setup = setup.array("alert_webhook", lines);
    }
    let gateway = Gateway::start(setup);
    let [generic, slack_, discord_, teams_, pager_duty_] = &receivers;
    let texts = generic.bodies().map(|body| body["text"].as_str().unwrap().to_owned());
    assert!(texts[1].contains(NAME) && texts[1].chars().count() > 2000, "{}", texts[1]);
    slack(&slack_.bodies(), &texts);
    discord(&discord_.bodies(), &texts);
    teams(&teams_.bodies(), &texts);
    pager_duty(&pager_duty_.bodies(), &texts);
    assert!(!gateway.output().everything().contains(KEY));
}

/// Incoming webhooks of Slack: `text`, at most 40,000 characters, in which `&`, `<` and `>` are written as entities.
fn slack(bodies: &[Value; 2], texts: &[String; 2]) {
    for (body, text) in bodies.iter().zip(texts) {
        assert_eq!(keys(body), ["text"]);
        let said = body["text"].as_str().unwrap();
        assert!(!said.contains(['<', '>']) && length(&body["text"]) <= 40_000, "{said}");
        assert_eq!(said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), *text);
    }
}

/// Discord's "Execute Webhook": `content` has 2,000 characters at most; nobody is mentioned where `parse` is empty.
fn discord(bodies: &[Value; 2], texts: &[String; 2]) {
    for (body, text) in bodies.iter().zip(texts) {
        assert_eq!(keys(body), ["allowed_mentions", "content"]);
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
        let said = body["content"].as_str().unwrap();
        assert!(
            text.starts_with(said) && length(&body["content"]) == text.chars().count().min(2000),
            "{said}"
        );
    }
}

/// Workflows of Microsoft Teams: a message whose attachments are Adaptive Cards, as their schema has them.
fn teams(bodies: &[Value; 2], texts: &[String; 2]) {
    for (body, text) in bodies.iter().zip(texts) {
        assert_eq!(body["type"], "message");
        let [attachment] = body["attachments"].as_array().unwrap().as_slice() else { panic!("{body:#}") };
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        let card = &attachment["content"];
        assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
        let blocks = card["body"].as_array().unwrap();
        assert!(blocks.iter().all(|block| block["type"] == "TextBlock" && block["wrap"] == true), "{card:#}");
        assert!(length(&blocks[0]["text"]) > 0, "the subject");
        assert_eq!(blocks[1]["text"], json!(text));
    }
}

/// `PagerDuty`'s Events API, version 2: the required fields, each within its length and its words.
fn pager_duty(bodies: &[Value; 2], texts: &[String; 2]) {
    let [test, alert] = bodies;
    for (body, text) in bodies.iter().zip(texts) {
        assert_eq!((&body["routing_key"], &body["event_action"]), (&json!(KEY), &json!("trigger")));
        assert!((1..=255).contains(&length(&body["dedup_key"])), "{body:#}");
        let summary = body["payload"]["summary"].as_str().unwrap();
        assert!(text.starts_with(summary), "{summary}");
        assert_eq!(length(&body["payload"]["summary"]), text.chars().count().min(1024));
        assert!(length(&body["payload"]["source"]) > 0);
    }
    assert_ne!(test["dedup_key"], alert["dedup_key"], "they are two incidents");
    assert_eq!(
        (&test["payload"]["severity"], &alert["payload"]["severity"]),
        (&json!("info"), &json!("error"))
    );
    assert!(test["payload"].get("custom_details").is_none(), "it is an object, or not there");
    assert_eq!(alert["payload"]["custom_details"]["days_til_expiration"], 5);
}
