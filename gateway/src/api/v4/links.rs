//! The policies of an application: those that it shares, and those of its own, in one order.

use serde_json::{Value, json};

use super::policies;
use crate::control::{Inventory, Kind, RecordId, Resource};
use crate::model::id::ResourceId;

/// A policy of an application, with its place among them.
pub(super) struct Placed<'a> {
    /// The lowest first; those without one come last.
    pub(super) precedence: Option<i64>,
    pub(super) policy: Resource<'a>,
}

/// That an application shares a policy: its id, and its place.
pub(super) fn links(application: &Resource<'_>) -> Vec<(String, Option<i64>)> {
    let list = application.document["policies"].as_array().into_iter().flatten();
    let link = |link: &Value| match link {
        Value::String(id) => Some((spelled(id), None)),
        link => Some((spelled(link["id"].as_str()?), link["precedence"].as_i64())),
    };
    list.filter_map(link).collect()
}

/// An id as resources have it.
pub(super) fn spelled(id: &str) -> String {
    id.parse::<ResourceId>().map_or_else(|_| id.to_owned(), |id| id.to_string())
}

/// How many applications share a policy.
pub(super) fn users(inventory: &Inventory, policy: &RecordId) -> usize {
    let uses =
        |application: &Resource<'_>| links(application).iter().any(|(id, _)| id.as_str() == policy.as_str());
    inventory.list(Kind::Application).filter(uses).count()
}

/// The policies of an application's own.
pub(super) fn own<'a>(
    inventory: &'a Inventory,
    application: &RecordId,
) -> impl Iterator<Item = Resource<'a>> {
    let application = application.clone();
    let is_of = move |policy: &Resource<'_>| {
        policy.document["app_id"].as_str().is_some_and(|id| spelled(id) == application.as_str())
    };
    inventory.list(Kind::ApplicationPolicy).filter(is_of)
}

/// All policies of an application, in their order.
pub(super) fn placed<'a>(inventory: &'a Inventory, application: &Resource<'_>) -> Vec<Placed<'a>> {
    let shared = links(application).into_iter().filter_map(|(id, precedence)| {
        Some(Placed { precedence, policy: inventory.get(Kind::Policy, &id)? })
    });
    let own = own(inventory, application.id)
        .map(|policy| Placed { precedence: policy.document["precedence"].as_i64(), policy });
    let mut all: Vec<_> = shared.chain(own).collect();
    all.sort_by_key(|placed| placed.precedence.unwrap_or(i64::MAX));
    all
}

/// The place behind all others.
pub(super) fn last(inventory: &Inventory, application: &Resource<'_>) -> i64 {
    let taken = placed(inventory, application).into_iter().filter_map(|placed| placed.precedence);
    taken.max().unwrap_or(0).saturating_add(1)
}

/// A policy as its application shows it.
pub(super) fn view(inventory: &Inventory, placed: &Placed<'_>) -> Value {
    let mut fields = policies::view(inventory, &placed.policy);
    fields.insert("precedence".to_owned(), json!(placed.precedence));
    Value::Object(fields)
}
