//! One delivery: recorded, tried, and recorded.
//!
//! Where the gateway ends between the two records, the next one finds a delivery that is being sent by nobody, and sends it
//! again: at least once, and with the same id. Everything else is sent exactly once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::book::{Book, BookError};
use super::delivery::{About, Delivery, State};
use super::desk::Desk;
use super::document::Webhook;
use super::message::{DISPLAY_NAME, Message};
use super::send::SendError;
use super::settings::Settings;
use crate::model::alert::{ALERT_TYPE, Recipient, Shape};
use crate::model::id::ResourceId;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::store::{Expect, Write};
use crate::telemetry::Metrics;

/// The longest time between two attempts.
const LONGEST: Duration = Duration::from_hours(1);

/// Says what time it is, in seconds since the epoch.
pub(super) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Something to deliver.
pub(super) struct Job {
    /// What was recorded of it, or the beginning.
    pub(super) delivery: Delivery,
    pub(super) message: Message,
    /// Where it goes, if that is a webhook.
    pub(super) webhook: Option<Webhook>,
}

/// What became of a job.
pub(super) enum Outcome {
    /// It was tried, and this is recorded.
    Saved(Delivery),
    /// It was tried, and this could not be recorded.
    Unsaved(Delivery),
    /// It was not tried: the gateway ends, another takes over, or it could not be recorded before.
    Refused,
}

/// Carries deliveries.
pub(super) struct Courier<B> {
    pub(super) book: Arc<B>,
    pub(super) desk: Arc<Desk>,
    pub(super) settings: Arc<Settings>,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
}

impl<B> Clone for Courier<B> {
    fn clone(&self) -> Self {
        let Self { book, desk, settings, metrics, clock } = self;
        let (book, desk, settings) = (Arc::clone(book), Arc::clone(desk), Arc::clone(settings));
        Self { book, desk, settings, metrics: metrics.clone(), clock: Arc::clone(clock) }
    }
}

impl<B: Book> Courier<B> {
    /// Tries a delivery once.
    pub(super) async fn carry(&self, job: Job) -> Outcome {
        let leave = if self.desk.is_closed() { None } else { self.book.begin().map(Arc::new) };
        let Some(leave) = leave else { return Outcome::Refused };
        let Job { mut delivery, message, webhook } = job;
        delivery.state = State::Sending;
        delivery.attempts = delivery.attempts.saturating_add(1);
        let before = self.write(&leave, vec![put(&delivery)]).await;
        let is_test = matches!(delivery.key.about, About::Test(_));
        match before {
            // A test at each start would be one too many.
            Err(BookError::Nowhere) if is_test => {
                delivery.state = State::GivenUp { at: (self.clock)() };
                return Outcome::Unsaved(delivery);
            }
            Err(error @ BookError::Nowhere) => tracing::warn!("{error}"),
            Ok(()) => {}
            Err(error) => {
                tracing::error!(recipient = %delivery.key.recipient, %error, "an alert is not sent: it could not be recorded");
                self.count(&delivery, webhook.as_ref(), "unrecorded");
                return Outcome::Refused;
            }
        }
        let sent = self.send(&delivery, webhook.as_ref(), &message).await;
        self.note(&mut delivery, sent, is_test);
        self.report(&delivery, webhook.as_ref());
        let writes = self.afterwards(&delivery, &message, webhook.as_ref());
        match self.write(&leave, writes).await {
            Ok(()) => Outcome::Saved(delivery),
            Err(_) => Outcome::Unsaved(delivery),
        }
    }

    /// Records, off the thread that everything else is waiting for.
    async fn write(&self, leave: &Arc<B::Leave>, writes: Vec<Write>) -> Result<(), BookError> {
        let (book, leave) = (Arc::clone(&self.book), Arc::clone(leave));
        let written = tokio::task::spawn_blocking(move || book.write(&leave, writes)).await;
        written.unwrap_or_else(|error| Err(BookError::Refused(error.to_string())))
    }

    async fn send(
        &self,
        delivery: &Delivery,
        webhook: Option<&Webhook>,
        message: &Message,
    ) -> Result<(), SendError> {
        match (&delivery.key.recipient, webhook) {
            (Recipient::Email(address), _) => self.settings.sender.to_mailbox(address, message).await,
            (Recipient::Webhook(_), Some(webhook)) => self.settings.sender.to_webhook(webhook, message).await,
            (Recipient::Webhook(_), None) => Err(SendError::NoWebhook),
        }
    }

    /// Says in `delivery` what became of the attempt.
    fn note(&self, delivery: &mut Delivery, sent: Result<(), SendError>, is_test: bool) {
        let at = (self.clock)();
        let Err(error) = sent else {
            delivery.state = State::Delivered { at };
            delivery.error = None;
            return;
        };
        delivery.failed_at = Some(at);
        delivery.error = Some(error.to_string());
        // A test is about now; somebody is there to try another.
        let is_last = is_test || delivery.attempts >= self.settings.attempts;
        delivery.state = if is_last {
            State::GivenUp { at }
        } else {
            let wait = backoff(self.settings.retry, delivery.attempts).as_secs().max(1);
            State::Failed { at, retry_at: at.saturating_add(wait) }
        };
    }

    fn report(&self, delivery: &Delivery, webhook: Option<&Webhook>) {
        let (recipient, attempts) = (&delivery.key.recipient, delivery.attempts);
        let error = delivery.error.as_deref().unwrap_or_default();
        match delivery.state {
            State::Sending => {}
            State::Delivered { .. } => {
                tracing::info!(%recipient, "an alert was delivered");
                self.count(delivery, webhook, "delivered");
            }
            State::Failed { .. } => {
                tracing::warn!(%recipient, attempts, error, "an alert was not delivered; it is tried again");
                self.count(delivery, webhook, "failed");
            }
            State::GivenUp { .. } => {
                tracing::error!(%recipient, attempts, error, "an alert was not delivered, and is given up");
                self.count(delivery, webhook, "abandoned");
            }
        }
    }

    fn count(&self, delivery: &Delivery, webhook: Option<&Webhook>, result: &str) {
        let mechanism = mechanism(&delivery.key.recipient, webhook);
        self.metrics.alerts.with_label_values(&[mechanism, result]).inc();
    }

    /// What is recorded after an attempt: how far it is, and a message that was sent, instead of the oldest ones.
    fn afterwards(&self, delivery: &Delivery, message: &Message, webhook: Option<&Webhook>) -> Vec<Write> {
        let mut writes = vec![put(delivery)];
        let (State::Delivered { at }, Some(facts)) = (delivery.state, &message.facts) else { return writes };
        let (mechanism_type, to) = match &delivery.key.recipient {
            Recipient::Email(address) => ("email", address.as_str()),
            Recipient::Webhook(id) => (mechanism(&delivery.key.recipient, webhook), id.as_str()),
        };
        let entry = json!({
            "name": facts.policy.name,
            "description": DISPLAY_NAME,
            "alert_body": facts.payload.to_string(),
            "alert_type": ALERT_TYPE,
            "mechanism": to,
            "mechanism_type": mechanism_type,
            "policy_id": facts.policy.id,
            "sent": at,
        });
        let id = ResourceId::derived("alert_history", delivery.key.id().as_str());
        writes.push(Write::put(Kind::AlertHistory, id.into(), entry));
        let resources = self.book.resources();
        let mut kept: Vec<_> = resources.stored().records(Kind::AlertHistory).collect();
        kept.sort_by_key(|record| record.revision);
        let too_many = (kept.len() + 1).saturating_sub(self.settings.history);
        writes.extend(kept.iter().take(too_many).map(|record| remove(Kind::AlertHistory, &record.id)));
        writes
    }
}

/// How an attempt was made, as the API and the metric name it.
fn mechanism(recipient: &Recipient, webhook: Option<&Webhook>) -> &'static str {
    match (recipient, webhook.map(|webhook| webhook.shape)) {
        (Recipient::Email(_), _) => "email",
        (Recipient::Webhook(_), Some(Shape::PagerDuty)) => "pagerduty",
        (Recipient::Webhook(_), _) => "webhook",
    }
}

pub(super) fn put(delivery: &Delivery) -> Write {
    Write::put(Kind::AlertDelivery, delivery.key.id(), delivery.document())
}

/// Takes away what is there, if it is.
pub(super) fn remove(kind: Kind, id: &RecordId) -> Write {
    Write { kind, id: id.clone(), expect: Expect::Any, document: None }
}

/// How long to wait after so many attempts.
fn backoff(first: Duration, attempts: u32) -> Duration {
    first.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_wait_longer_and_longer_up_to_an_hour() {
        let minutes = [1, 2, 3, 6, 7, 8, u32::MAX]
            .map(|attempts| backoff(Duration::from_mins(1), attempts).as_secs() / 60);
        assert_eq!(minutes, [1, 2, 4, 32, 60, 60, 60]);
        assert_eq!(backoff(Duration::from_hours(2), 9), Duration::from_hours(2));
    }
}
