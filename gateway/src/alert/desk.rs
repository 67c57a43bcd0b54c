//! What others want of alerts: what would be sent when, and a test message now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::sync::Notify;

use super::delivery::{About, Delivery, Key};
use super::document::Webhook;
use super::message::{Message, time};
use super::plan::{Planned, Status};
use super::scene::{Deliveries, Scene, test_key};
use super::send::SendError;
use super::settings::Settings;
use crate::model::alert::Recipient;
use crate::model::id::ResourceId;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::resource::Inventory;

/// The settings in force, and a bell.
pub struct Desk {
    settings: ArcSwap<Settings>,
    bell: Notify,
    closed: AtomicBool,
    /// Deliveries that could not be recorded yet.
    unsaved: Mutex<Deliveries>,
}

/// An alert, for people and programs.
#[derive(Debug, Serialize)]
pub struct PlannedAlert {
    /// The mTLS certificates that the certificate is in, by name.
    pub certificates: Vec<String>,
    /// The certificate's subject.
    pub subject: String,
    /// SHA-256 of its DER.
    pub fingerprint: String,
    /// When it expires.
    pub expires_on: String,
    /// `webhook:ID` or `email:ADDRESS`.
    pub recipient: String,
    /// What the operator calls it.
    pub recipient_name: String,
    /// The policy's id.
    pub policy_id: String,
    /// Its name.
    pub policy: String,
    /// Days before the end.
    pub days: u16,
    /// When that is reached.
    pub at: String,
    /// Where it stands: a word.
    pub status: &'static str,
    /// When it got there, or is tried again.
    pub since: Option<String>,
    /// Why it failed last.
    pub error: Option<String>,
}

/// How a webhook's deliveries went. Seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// When it took one last.
    pub last_success: Option<u64>,
    /// When one failed last.
    pub last_failure: Option<u64>,
}

impl Desk {
    /// One with `settings` in force.
    pub fn new(settings: Settings) -> Self {
        let settings = ArcSwap::from_pointee(settings);
        Self { settings, bell: Notify::new(), closed: AtomicBool::new(false), unsaved: Mutex::default() }
    }

    /// Puts other settings in force.
    pub fn configure(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.bell.notify_one();
    }

    /// Has nothing more sent: what is under way is the last.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.bell.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Deliveries that could not be recorded yet.
    pub(super) fn unsaved(&self) -> MutexGuard<'_, Deliveries> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `inventory` says, and what is known beyond it.
    pub(super) fn scene(&self, inventory: &Inventory) -> Scene {
        Scene::of(inventory, &self.settings(), &self.unsaved())
    }

    /// Waits until something has changed.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether a webhook's URL may be sent to.
    ///
    /// # Errors
    /// It is http.
    pub fn check(&self, webhook: &Webhook) -> Result<(), SendError> {
        let may = webhook.url.tls || self.settings().sender.allow_http;
        if may { Ok(()) } else { Err(SendError::PlainHttp) }
    }

    /// Whether there is a mail server.
    pub fn has_mail(&self) -> bool {
        self.settings().sender.mailer.is_some()
    }

    /// Every alert about `inventory` as of `now`, the first to come first.
    pub fn plan(&self, inventory: &Inventory, now: u64) -> Vec<PlannedAlert> {
        let scene = self.scene(inventory);
        let mut plan = scene.plan(now);
        plan.sort_by_key(|planned| planned.at);
        plan.iter().map(|planned| describe(planned, &scene)).collect()
    }

    /// Sends a test message now.
    ///
    /// # Errors
    /// [`SendError`]
    pub(super) async fn test(
        &self,
        inventory: &Inventory,
        recipient: &Recipient,
        now: u64,
    ) -> Result<(), SendError> {
        let settings = self.settings();
        match recipient {
            Recipient::Webhook(id) => {
                let resource = inventory.get(Kind::AlertWebhook, id.as_str()).ok_or(SendError::NoWebhook)?;
                let webhook = Webhook::with_secret(resource.document, settings.secret(id));
                let webhook = webhook.map_err(|_| SendError::NoWebhook)?;
                let message = Message::test(&test_key(id, &webhook), now);
                settings.sender.to_webhook(&webhook, &message).await
            }
            Recipient::Email(address) => {
                // Each is another: a mailbox would keep one of several with the same id.
                let id = ResourceId::derived("alert_test", &format!("{recipient}\0{now}"));
                let key = Key { recipient: recipient.clone(), about: About::Test(id) };
                settings.sender.to_mailbox(address, &Message::test(&key, now)).await
            }
        }
    }

    /// Every webhook, and everybody who is told by mail, each with a name.
    pub fn recipients(&self, inventory: &Inventory) -> Vec<(Recipient, String)> {
        let scene = self.scene(inventory);
        let webhooks = scene.webhooks.into_iter().map(|(id, it)| (Recipient::Webhook(id), it.name));
        let mailboxes = scene.routes.into_iter().filter_map(|route| match &route.recipient {
            Recipient::Email(address) => Some((route.recipient.clone(), address.as_str().to_owned())),
            Recipient::Webhook(_) => None,
        });
        webhooks.chain(mailboxes).collect()
    }
}

/// How deliveries to a webhook went.
pub fn record(inventory: &Inventory, webhook: &RecordId) -> Record {
    let recipient = Recipient::Webhook(webhook.clone());
    let kept = inventory.list(Kind::AlertDelivery).filter_map(|it| Delivery::read(it.document));
    let mut record = Record::default();
    for delivery in kept.filter(|delivery| delivery.key.recipient == recipient) {
        record.last_success = record.last_success.max(delivery.delivered_at());
        record.last_failure = record.last_failure.max(delivery.failed_at);
    }
    record
}

fn describe(planned: &Planned<'_>, scene: &Scene) -> PlannedAlert {
    let Planned { watched, recipient, policy, threshold, at, status } = *planned;
    let key = Key { recipient: recipient.clone(), about: About::Expiry(watched.fingerprint, threshold) };
    let (status, since) = match status {
        Status::Delivered(at) => ("delivered", Some(at)),
        Status::GivenUp(at) => ("given up", Some(at)),
        Status::Due => ("due", None),
        Status::Retry(at) => ("failed, tried again", Some(at)),
        Status::Later => ("planned", None),
        Status::PassedOver => ("passed over", None),
        Status::Renewed => ("renewed", None),
    };
    let recipient_name = match recipient {
        Recipient::Webhook(id) => scene.webhooks.get(id).map(|webhook| webhook.name.clone()),
        Recipient::Email(address) => Some(address.as_str().to_owned()),
    };
    PlannedAlert {
        certificates: watched.holders.iter().map(|holder| holder.name.clone()).collect(),
        subject: watched.subject.clone(),
        fingerprint: watched.fingerprint.hex(),
        expires_on: time(watched.not_after),
        recipient: recipient.to_string(),
        recipient_name: recipient_name.unwrap_or_default(),
        policy_id: policy.to_string(),
        policy: scene.policies.get(policy).cloned().unwrap_or_default(),
        days: threshold.days(),
        at: time(at),
        status,
        since: since.map(time),
        error: scene.deliveries.get(&key.id()).and_then(|delivery| delivery.error.clone()),
    }
}
