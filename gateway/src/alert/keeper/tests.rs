//! The keeper with a real store and a real receiver, under a clock that the test sets.

mod ledger;
mod receiver;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::alert::settings::Settings;
use crate::config::{Config, Source};
use ledger::{END, Ledger, Trouble};
use receiver::Receiver;

const DAY: u64 = 24 * 3600;

/// A gateway that can be ended and started again.
struct Scene {
    folder: TempDir,
    receiver: Receiver,
    clock: Arc<AtomicU64>,
    metrics: Metrics,
}

impl Scene {
    async fn new() -> Self {
        let scene = Self {
            folder: TempDir::new().unwrap(),
            receiver: Receiver::start().await,
            clock: Arc::new(AtomicU64::new(END - 60 * DAY)),
            metrics: Metrics::new().unwrap(),
        };
        let ledger = Ledger::open(scene.folder.path());
        ledger.declare(&scene.receiver.url(), &json!(["30", "14", "7", "1", "0"]));
        scene
    }

    /// A gateway that is started now.
    fn start(&self) -> (Keeper<Ledger>, Arc<Ledger>) {
        let ledger = Arc::new(Ledger::open(self.folder.path()));
        let clock = Arc::clone(&self.clock);
        let desk = Arc::new(Desk::new(settings()));
        let keeper = Keeper::new(Arc::clone(&ledger), desk, self.metrics.clone(), move || {
            clock.load(Ordering::SeqCst)
        });
        (keeper, ledger)
    }

    async fn round(&self, keeper: &mut Keeper<Ledger>, at: u64) {
        self.clock.store(at, Ordering::SeqCst);
        keeper.round().await;
    }

    /// How many days each alert that arrived since spoke of; the test message is none.
    fn days(&self) -> Vec<i64> {
        let days = |(_, body): &(String, Value)| body["data"]["days_til_expiration"].as_i64();
        self.receiver.take().iter().filter_map(days).collect()
    }

    fn count(&self, result: &str) -> u64 {
        self.metrics.alerts.with_label_values(&["webhook", result]).get()
    }
}

fn settings() -> Settings {
    let text = "[[listener]]\naddress = \"[::]:443\"\n[[host]]\nname = \"iot.example.com\"\ncertificate = \"a\"\nkey = \"a\"\n\
        origin = \"http://127.0.0.1:1\"\n[alert]\nallow_http = true\nallow_private = true\nattempts = 3\nhistory = 2";
    let source = Arc::new(Source::new(std::path::Path::new("fleetgate.toml"), text.to_owned()));
    Settings::load(&Config::parse(&source).unwrap(), &source).unwrap()
}

#[tokio::test]
async fn each_threshold_arrives_once_however_often_the_gateway_starts_and_the_clock_is_set() {
    let scene = Scene::new().await;
    for days in [30, 14, 7, 1] {
        let (mut keeper, ledger) = scene.start();
        scene.round(&mut keeper, END - days * DAY - 1).await;
        assert_eq!(scene.days(), [0; 0], "a second too early");
        scene.round(&mut keeper, END - days * DAY).await;
        assert_eq!(scene.days(), [days.cast_signed()]);
        scene.round(&mut keeper, END - days * DAY).await;
        drop((keeper, ledger));
        let (mut keeper, _ledger) = scene.start();
        for at in [END - days * DAY, END - 30 * DAY, 0, END - days * DAY + 1] {
            scene.round(&mut keeper, at).await;
        }
        assert_eq!(scene.days(), [0; 0], "after {days}");
    }
    let (mut keeper, ledger) = scene.start();
    scene.round(&mut keeper, END + 1).await;
    assert_eq!(scene.days(), [0]);
    scene.round(&mut keeper, END + 1000 * DAY).await;
    assert_eq!(scene.days(), [0; 0]);
    assert_eq!(scene.count("delivered"), 6, "with the test message");
    // No more of the history than is wanted: the last ones.
    let history = ledger.resources();
    let bodies: Vec<_> =
        history.list(Kind::AlertHistory).map(|it| it.document["alert_body"].to_string()).collect();
    assert_eq!(bodies.len(), 2);
    assert!(bodies.iter().any(|body| body.contains("has expired")), "{bodies:?}");
}

#[tokio::test]
async fn a_message_has_cloudflares_fields_the_secret_in_its_header_and_nowhere_else() {
    let scene = Scene::new().await;
    let (mut keeper, ledger) = scene.start();
    scene.round(&mut keeper, END - 30 * DAY).await;
    let received = scene.receiver.take();
    let [(_, test), (head, alert)] = received.as_slice() else { panic!("{received:?}") };
    assert!(test["text"].as_str().unwrap().starts_with("Hello World! This is a test message"), "{test}");
    assert_eq!(test.as_object().unwrap().len(), 1);
    assert!(head.contains("cf-webhook-auth: s3cret\r\n"), "{head}");
    assert!(head.starts_with("POST /hook?token=t0ken HTTP/1.1\r\n"), "{head}");
    assert_eq!(alert["alert_type"], "access_custom_certificate_expiration_type");
    assert_eq!(alert["alert_event"], "ALERT_STATE_EVENT_START");
    assert_eq!((&alert["account_id"], &alert["policy_name"]), (&json!("account"), &json!("expiry")));
    assert_eq!(alert["data"]["hostnames"], "a.example.com,b.example.com");
    assert_eq!(alert["data"]["certificate_id"], ledger::CERTIFICATE);
    assert_eq!(alert["ts"], END - 30 * DAY);
    for kind in [Kind::AlertDelivery, Kind::AlertHistory] {
        for resource in ledger.resources().list(kind) {
            let kept = resource.document.to_string();
            assert!(!kept.contains("s3cret") && !kept.contains("t0ken"), "{kept}");
        }
    }
}

#[tokio::test]
async fn what_is_refused_is_tried_again_later_and_later_and_then_given_up() {
    let scene = Scene::new().await;
    let (mut keeper, ledger) = scene.start();
    scene.round(&mut keeper, END - 40 * DAY).await;
    scene.receiver.take();
    scene.receiver.answer(&["503 Service Unavailable", "302 Found", "200 OK"]);
    let start = END - 30 * DAY;
    for (after, arrivals) in [(0, 1), (59, 0), (60, 1), (179, 0), (180, 1), (10_000, 0)] {
        scene.round(&mut keeper, start + after).await;
        assert_eq!(scene.days().len(), arrivals, "after {after} seconds");
    }
    assert_eq!((scene.count("failed"), scene.count("delivered")), (2, 2));
    let inventory = ledger.resources();
    let webhook = inventory.list(Kind::AlertWebhook).next().unwrap();
    let record = crate::alert::record(&inventory, webhook.id);
    assert_eq!((record.last_success, record.last_failure), (Some(start + 180), Some(start + 60)));

    scene.receiver.answer(&["500 Internal Server Error"; 9]);
    let start = END - 14 * DAY;
    for after in [0, 60, 180, 1000, 5000] {
        scene.round(&mut keeper, start + after).await;
    }
    assert_eq!(scene.days().len(), 3, "as often as it may be tried");
    assert_eq!((scene.count("failed"), scene.count("abandoned")), (4, 1));
    let plan = keeper.desk.plan(&ledger.resources(), start);
    let planned = plan.iter().find(|planned| planned.days == 14).unwrap();
    assert_eq!(
        (planned.status, planned.error.as_deref()),
        ("given up", Some("it answers 500 Internal Server Error"))
    );
}

#[tokio::test]
async fn a_gateway_that_ends_between_delivery_and_record_is_followed_by_one_more_of_the_same() {
    let scene = Scene::new().await;
    let (mut keeper, ledger) = scene.start();
    scene.round(&mut keeper, END - 30 * DAY - 1).await;
    scene.receiver.take();
    ledger.trouble(Trouble::AfterOne);
    scene.round(&mut keeper, END - 30 * DAY).await;
    let first = scene.receiver.take();
    // The same gateway knows what it has done, and records it when it can.
    scene.round(&mut keeper, END - 30 * DAY).await;
    assert_eq!(scene.receiver.take().len(), 0);
    drop((keeper, ledger));

    let (mut keeper, ledger) = scene.start();
    scene.round(&mut keeper, END - 30 * DAY).await;
    let again = scene.receiver.take();
    let id = |received: &[(String, Value)]| {
        let (head, _) = &received[0];
        head.lines().find(|line| line.starts_with("idempotency-key: ")).unwrap().to_owned()
    };
    assert_eq!((first.len(), again.len(), id(&first)), (1, 1, id(&again)));
    scene.round(&mut keeper, END - 30 * DAY).await;
    assert_eq!(scene.receiver.take().len(), 0);
    drop((keeper, ledger));
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_sent_and_what_was_sent_is_recorded_later() {
    let scene = Scene::new().await;
    let (mut keeper, ledger) = scene.start();
    ledger.trouble(Trouble::Always);
    scene.round(&mut keeper, END - 30 * DAY).await;
    assert_eq!(scene.receiver.take().len(), 0);
    ledger.trouble(Trouble::None);
    scene.round(&mut keeper, END - 30 * DAY).await;
    assert_eq!(scene.days(), [30]);

    ledger.trouble(Trouble::AfterOne);
    scene.round(&mut keeper, END - 14 * DAY).await;
    assert_eq!(scene.days(), [14]);
    ledger.trouble(Trouble::None);
    scene.round(&mut keeper, END - 14 * DAY).await;
    drop((keeper, ledger));
    let (mut keeper, _ledger) = scene.start();
    scene.round(&mut keeper, END - 14 * DAY).await;
    assert_eq!(scene.days(), [0; 0], "it was recorded after all");
}

#[tokio::test]
async fn without_a_place_for_records_alerts_are_sent_once_a_start_and_tests_never() {
    let scene = Scene::new().await;
    for _ in 0..2 {
        let (mut keeper, ledger) = scene.start();
        ledger.trouble(Trouble::Nowhere);
        for _ in 0..3 {
            scene.round(&mut keeper, END - 30 * DAY).await;
        }
        assert_eq!(scene.receiver.take().len(), 1);
        drop((keeper, ledger));
    }
}

#[tokio::test]
async fn a_webhook_is_tested_when_it_is_new_and_when_its_url_is() {
    let scene = Scene::new().await;
    let (mut keeper, ledger) = scene.start();
    for _ in 0..2 {
        scene.round(&mut keeper, 0).await;
    }
    assert_eq!(scene.receiver.take().len(), 1);
    ledger.declare(&format!("{}&other", scene.receiver.url()), &json!(null));
    for _ in 0..2 {
        scene.round(&mut keeper, 0).await;
    }
    let received = scene.receiver.take();
    assert_eq!(received.len(), 1);
    assert!(received[0].0.starts_with("POST /hook?token=t0ken&other "), "{received:?}");
}
