//! Looks again and again what is due, and has it delivered.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::book::{Book, BookError};
use super::courier::{Clock, Courier, Job, Outcome, put, remove};
use super::delivery::{About, Delivery, Key, State};
use super::desk::Desk;
use super::message::{Message, Named};
use super::plan::{Planned, Status, next};
use super::scene::Scene;
use crate::model::alert::Recipient;
use crate::model::kind::Kind;
use crate::resource::Inventory;
use crate::store::{Revision, Write};
use crate::telemetry::Metrics;

/// A clock that is set is noticed this fast.
const LONGEST: Duration = Duration::from_mins(1);
/// What is due and stays due is not tried in a loop.
const SHORTEST: Duration = Duration::from_secs(1);
/// Changes come several at a time.
const SETTLE: Duration = Duration::from_millis(100);
/// Recipients that are told at the same time at most.
pub(super) const AT_ONCE: usize = 8;
/// Deliveries that are remembered at most, besides those about certificates that are there.
const REMEMBERED: usize = 10_000;

/// The one who looks.
pub struct Keeper<B> {
    book: Arc<B>,
    desk: Arc<Desk>,
    metrics: Metrics,
    clock: Clock,
    /// Recipients that failed: when, and when they are tried again.
    resting: HashMap<Recipient, Range<u64>>,
}

impl<B: Book> Keeper<B> {
    /// One that asks `clock` for the time, in seconds since the epoch.
    pub fn new(
        book: Arc<B>,
        desk: Arc<Desk>,
        metrics: Metrics,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { book, desk, metrics, clock: Arc::new(clock), resting: HashMap::new() }
    }

    /// Delivers what is due, whenever it is, until the desk is closed.
    pub async fn look_after(mut self, mut revisions: watch::Receiver<Revision>) {
        while !self.desk.is_closed() {
            revisions.mark_unchanged();
            let pause = self.round().await;
            tokio::select! {
                () = sleep(pause) => {}
                () = self.desk.rung() => {}
                changed = revisions.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    sleep(SETTLE).await;
                }
            }
        }
    }

    /// Delivers what is due now. Says how long nothing else will be.
    pub async fn round(&mut self) -> Duration {
        self.save_unsaved().await;
        let inventory = self.book.resources();
        let scene = self.desk.scene(&inventory);
        let now = (self.clock)();
        // Where the clock was set back, nobody rests.
        self.resting.retain(|_, time| time.contains(&now));
        let plan = scene.plan(now);
        let courier = Courier {
            book: Arc::clone(&self.book),
            desk: Arc::clone(&self.desk),
            settings: self.desk.settings(),
            metrics: self.metrics.clone(),
            clock: Arc::clone(&self.clock),
        };
        let has_failed = self.deliver(&courier, self.jobs(&scene, &plan, now)).await;
        self.tidy(&inventory, &scene).await;
        self.pause(has_failed)
    }

    /// What is to be sent now, by recipient.
    fn jobs(&self, scene: &Scene, plan: &[Planned<'_>], now: u64) -> BTreeMap<Recipient, Vec<Job>> {
        let mut jobs: BTreeMap<Recipient, Vec<Job>> = BTreeMap::new();
        let mut add = |key: Key, message: Message| {
            if self.resting.contains_key(&key.recipient) {
                return;
            }
            let webhook = match &key.recipient {
                Recipient::Webhook(id) => scene.webhooks.get(id).cloned(),
                Recipient::Email(_) => None,
            };
            let recorded = scene.deliveries.get(&key.id()).cloned();
            let delivery = recorded.unwrap_or_else(|| Delivery::new(key.clone()));
            jobs.entry(key.recipient).or_default().push(Job { delivery, message, webhook });
        };
        for key in scene.untested() {
            let message = Message::test(&key, now);
            add(key, message);
        }
        let sender = self.book.sender();
        for planned in plan.iter().filter(|planned| planned.status == Status::Due) {
            let about = About::Expiry(planned.watched.fingerprint, planned.threshold);
            let key = Key { recipient: planned.recipient.clone(), about };
            let name = scene.policies.get(planned.policy).cloned().unwrap_or_default();
            let policy = Named { id: planned.policy.to_string(), name };
            let message = Message::expiry(&key, planned.watched, policy, &sender, now);
            add(key, message);
        }
        jobs
    }

    /// Delivers to several recipients at once, to each one after the other. Whether anything was not tried.
    async fn deliver(&mut self, courier: &Courier<B>, jobs: BTreeMap<Recipient, Vec<Job>>) -> bool {
        let (mut tasks, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
        for (recipient, jobs) in jobs {
            let (courier, places) = (courier.clone(), Arc::clone(&places));
            tasks.spawn(async move {
                // Nobody closes it.
                let _place = places.acquire().await;
                (recipient, deliver_to_one(&courier, jobs).await)
            });
        }
        let mut is_refused = false;
        while let Some(told) = tasks.join_next().await {
            let Ok((recipient, told)) = told else { continue };
            is_refused |= told.is_refused;
            if let Some(rest) = told.rest {
                self.resting.insert(recipient, rest);
            }
            for delivery in told.unsaved {
                self.desk.unsaved().insert(delivery.key.id(), delivery);
            }
        }
        is_refused
    }

    /// Records what could not be recorded before, where that is possible now.
    async fn save_unsaved(&mut self) {
        let writes: Vec<_> = self.desk.unsaved().values().map(put).collect();
        if !writes.is_empty() && self.write(writes).await.is_ok() {
            self.desk.unsaved().clear();
        }
    }

    /// Forgets the oldest deliveries, where there are too many about certificates that are gone.
    async fn tidy(&self, inventory: &Inventory, scene: &Scene) {
        let is_there = |delivery: &Delivery| match delivery.key.about {
            About::Expiry(fingerprint, _) => scene.watched.iter().any(|it| it.fingerprint == fingerprint),
            About::Test(_) => false,
        };
        let kept = inventory.stored().records(Kind::AlertDelivery);
        let mut gone: Vec<_> =
            kept.filter(|record| Delivery::read(&record.document).is_none_or(|it| !is_there(&it))).collect();
        if gone.len() <= REMEMBERED {
            return;
        }
        gone.sort_by_key(|record| record.revision);
        let too_many = gone.len() - REMEMBERED;
        let writes =
            gone.iter().take(too_many).map(|record| remove(Kind::AlertDelivery, &record.id)).collect();
        // The next round tries again.
        let _ = self.write(writes).await;
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), BookError> {
        let book = Arc::clone(&self.book);
        let write = move || {
            let leave = book.begin().ok_or_else(|| BookError::Refused("not now".to_owned()))?;
            book.write(&leave, writes)
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.unwrap_or_else(|error| Err(BookError::Refused(error.to_string())))
    }

    /// How long nothing is due, as it is after a round.
    fn pause(&self, is_refused: bool) -> Duration {
        let scene = self.desk.scene(&self.book.resources());
        let now = (self.clock)();
        let plan = scene.plan(now);
        let is_waiting = |planned: &&Planned<'_>| matches!(planned.status, Status::Due | Status::Retry(_));
        let waiting = plan.iter().filter(is_waiting).count();
        self.metrics.alerts_waiting.set(waiting.try_into().unwrap_or(i64::MAX));
        if is_refused {
            return LONGEST;
        }
        let rests = |planned: &Planned<'_>| self.resting.contains_key(planned.recipient);
        let awake: Vec<_> = plan.into_iter().filter(|planned| !rests(planned)).collect();
        let due = next(now, &awake).map(|at| Duration::from_secs(at.saturating_sub(now)));
        let rested = self.resting.values().map(|time| Duration::from_secs(time.end.saturating_sub(now)));
        due.into_iter().chain(rested).min().map_or(LONGEST, |pause| pause.clamp(SHORTEST, LONGEST))
    }
}

/// How telling a recipient went.
#[derive(Default)]
struct Told {
    unsaved: Vec<Delivery>,
    rest: Option<Range<u64>>,
    is_refused: bool,
}

/// Where one fails, the others would too: they wait.
async fn deliver_to_one<B: Book>(courier: &Courier<B>, jobs: Vec<Job>) -> Told {
    let mut told = Told::default();
    for job in jobs {
        let delivery = match courier.carry(job).await {
            Outcome::Saved(delivery) => delivery,
            Outcome::Unsaved(delivery) => {
                told.unsaved.push(delivery.clone());
                delivery
            }
            Outcome::Refused => {
                told.is_refused = true;
                return told;
            }
        };
        if let State::Failed { at, retry_at } = delivery.state {
            told.rest = Some(at..retry_at);
            return told;
        }
    }
    told
}

#[cfg(test)]
mod tests;
