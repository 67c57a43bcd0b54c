//! What the resources of one moment say of alerts.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::delivery::{About, Delivery, Key};
use super::document::{Policy, Webhook};
use super::plan::{Planned, Recorded, Route, plan};
use super::settings::Settings;
use super::watched::{Holder, Watched, watched};
use crate::model::alert::{Recipient, Threshold};
use crate::model::id::ResourceId;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::resource::{Inventory, Resource};

/// Deliveries by the ids that they are kept under.
pub(super) type Deliveries = HashMap<RecordId, Delivery>;

/// Certificates, recipients and what was recorded.
pub(super) struct Scene {
    pub(super) watched: Vec<Watched>,
    pub(super) routes: Vec<Route>,
    pub(super) webhooks: BTreeMap<RecordId, Webhook>,
    /// Policies' names.
    pub(super) policies: BTreeMap<RecordId, String>,
    pub(super) deliveries: Deliveries,
    recorded: Recorded,
}

impl Scene {
    /// What `inventory` says, and what is known beyond it: `unsaved`.
    pub(super) fn of(inventory: &Inventory, settings: &Settings, unsaved: &Deliveries) -> Self {
        let webhooks = webhooks(inventory, settings);
        let (routes, policies) = routes(inventory, &webhooks);
        let kept = inventory.list(Kind::AlertDelivery);
        let kept = kept.filter_map(|it| Some((it.id.clone(), Delivery::read(it.document)?)));
        let deliveries: Deliveries =
            kept.chain(unsaved.iter().map(|(id, delivery)| (id.clone(), delivery.clone()))).collect();
        let recorded = recorded(&deliveries);
        // Where nobody is told, there is nothing to look at.
        let watched = if routes.is_empty() { Vec::new() } else { certificates(inventory) };
        Self { watched, routes, webhooks, policies, deliveries, recorded }
    }

    /// Every alert, as of `now`.
    pub(super) fn plan(&self, now: u64) -> Vec<Planned<'_>> {
        plan(now, &self.watched, &self.routes, &self.recorded)
    }

    /// Webhooks that have not had a test message for the URL that they have.
    pub(super) fn untested(&self) -> impl Iterator<Item = Key> {
        let keys = self.webhooks.iter().map(|(id, webhook)| test_key(id, webhook));
        keys.filter(|key| self.deliveries.get(&key.id()).is_none_or(|delivery| !delivery.state.is_final()))
    }
}

/// What a test message to a webhook is known by: its URL and shape are part of it.
pub(super) fn test_key(id: &RecordId, webhook: &Webhook) -> Key {
    let name = format!("{id}\0{}\0{}", webhook.url.as_str(), webhook.shape.as_str());
    Key {
        recipient: Recipient::Webhook(id.clone()),
        about: About::Test(ResourceId::derived("alert_test", &name)),
    }
}

fn certificates(inventory: &Inventory) -> Vec<Watched> {
    let holder = |resource: &Resource<'_>| Holder {
        id: resource.id.clone(),
        name: resource.document["name"].as_str().unwrap_or_default().to_owned(),
        hostnames: texts(&resource.document["associated_hostnames"]),
    };
    watched(inventory.list(Kind::Certificate).filter_map(|it| Some((holder(&it), &**it.bundle?))))
}

fn texts(list: &Value) -> std::collections::BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn webhooks(inventory: &Inventory, settings: &Settings) -> BTreeMap<RecordId, Webhook> {
    let read = |resource: Resource<'_>| {
        let webhook = Webhook::with_secret(resource.document, settings.secret(resource.id));
        // It was checked when it came; a later gateway's may be one that this one does not know.
        webhook
            .inspect_err(|error| tracing::warn!(id = %resource.id, %error, "an alert webhook that does not read as one"))
            .ok()
            .map(|webhook| (resource.id.clone(), webhook))
    };
    inventory.list(Kind::AlertWebhook).filter_map(read).collect()
}

/// Who is told of what, by the policies that count, and the names of these.
fn routes(
    inventory: &Inventory,
    webhooks: &BTreeMap<RecordId, Webhook>,
) -> (Vec<Route>, BTreeMap<RecordId, String>) {
    let mut routes: Vec<Route> = Vec::new();
    let mut names = BTreeMap::new();
    for resource in inventory.list(Kind::AlertPolicy) {
        let Ok(policy) = Policy::read(resource.document) else { continue };
        if !policy.enabled {
            continue;
        }
        for recipient in policy.recipients.iter().filter(|it| is_there(it, webhooks)) {
            tell(&mut routes, recipient, &policy.thresholds, resource.id);
        }
        names.insert(resource.id.clone(), policy.name);
    }
    (routes, names)
}

fn is_there(recipient: &Recipient, webhooks: &BTreeMap<RecordId, Webhook>) -> bool {
    match recipient {
        Recipient::Webhook(id) => webhooks.contains_key(id),
        Recipient::Email(_) => true,
    }
}

fn tell(routes: &mut Vec<Route>, recipient: &Recipient, thresholds: &[Threshold], policy: &RecordId) {
    let position = routes.iter().position(|route| route.recipient == *recipient).unwrap_or_else(|| {
        routes.push(Route { recipient: recipient.clone(), thresholds: BTreeMap::new() });
        routes.len() - 1
    });
    if let Some(route) = routes.get_mut(position) {
        for threshold in thresholds {
            route.thresholds.entry(*threshold).or_insert_with(|| policy.clone());
        }
    }
}

fn recorded(deliveries: &Deliveries) -> Recorded {
    let mut recorded = Recorded::new();
    for delivery in deliveries.values() {
        if let About::Expiry(fingerprint, threshold) = delivery.key.about {
            let pair = (fingerprint, delivery.key.recipient.clone());
            recorded.entry(pair).or_default().insert(threshold, delivery.state);
        }
    }
    recorded
}
