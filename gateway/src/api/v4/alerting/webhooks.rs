//! `/alerting/v3/destinations/webhooks`. Each new one gets a test message.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::ask::{Ask, Body, Fields};
use super::super::resource::{fields, find, gone, remove, room, without_added};
use super::super::{Refusal, Result, Routes, time};
use super::{only_id, refused};
use crate::control::{AlertPolicy, AlertWebhook, Inventory, Kind, Resource, alert_record};
use crate::model::alert::Recipient;

const KIND: Kind = Kind::AlertWebhook;

/// What a webhook's document has.
const KEYS: [&str; 4] = ["name", "url", "secret", "type"];

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/alerting/v3/destinations/webhooks", get(list).post(create))
        .route("/alerting/v3/destinations/webhooks/{webhook_id}", get(one).put(update).delete(delete))
}

#[derive(Deserialize)]
struct Ids {
    webhook_id: String,
}

/// All of them: clients ask for no second page.
async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let inventory = ask.control.resources();
        Ok(Answer::ok(inventory.list(KIND).map(|webhook| view(&inventory, &webhook)).collect()))
    })
    .await
}

async fn one(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        Ok(Answer::ok(view(&inventory, &find(&inventory, KIND, &ids.webhook_id)?)))
    })
    .await
}

async fn create(ask: Ask, Body(body): Body) -> Result {
    ask.run(move |ask| {
        let most = ask.control.api_settings().limits.alert_webhooks;
        room(&ask.control.resources(), KIND, most, "maximum number of webhooks has been reached")?;
        let id = ask.create(KIND, checked(ask, body)?)?;
        let note = "a test message is sent; last_success and last_failure say whether it arrived";
        Ok(Answer::with(StatusCode::CREATED, only_id(id.as_str())).note(None, note))
    })
    .await
}

/// A secret that is not given stays; an empty one goes.
async fn update(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        ask.amend(KIND, &ids.webhook_id, |_, webhook| {
            let mut document = webhook.document.as_object().cloned().unwrap_or_default();
            document.extend(without_added(body.clone()).into_iter().filter(|(_, value)| !value.is_null()));
            checked(ask, document)
        })?;
        let inventory = ask.control.resources();
        Ok(Answer::ok(only_id(find(&inventory, KIND, &ids.webhook_id)?.id.as_str())))
    })
    .await
}

/// A policy must not tell nobody without anybody knowing.
async fn delete(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let webhook = find(&inventory, KIND, &ids.webhook_id)?;
        let recipient = Recipient::Webhook(webhook.id.clone());
        let tells = |policy: &Resource<'_>| {
            AlertPolicy::read(policy.document).is_ok_and(|it| it.recipients.contains(&recipient))
        };
        if let Some(policy) = inventory.list(Kind::AlertPolicy).find(tells) {
            let name = &policy.document["name"];
            return Err(Refusal::conflict(format_args!("the policy {name} tells this webhook")));
        }
        ask.write(KIND, vec![remove(&webhook)?])?;
        Ok(Answer::ok(gone(webhook.id)))
    })
    .await
}

/// What is kept of a document that reads as a webhook.
fn checked(ask: &Ask, fields: Fields) -> Result<Fields> {
    let fields: Fields = fields.into_iter().filter(|(key, _)| KEYS.contains(&key.as_str())).collect();
    let document = Value::Object(fields.clone());
    let webhook = AlertWebhook::read(&document).map_err(|error| refused(&error))?;
    ask.control.alerts().check(&webhook).map_err(|error| Refusal::invalid(format_args!("`url`: {error}")))?;
    Ok(fields)
}

fn view(inventory: &Inventory, webhook: &Resource<'_>) -> Value {
    let all = fields(webhook);
    let record = alert_record(inventory, webhook.id);
    let shape = AlertWebhook::shape_of(webhook.document);
    json!({
        "id": webhook.id.as_str(),
        "name": all.get("name"),
        "url": all.get("url"),
        "type": shape,
        "created_at": all.get("created_at"),
        "last_success": record.last_success.and_then(time::from_seconds),
        "last_failure": record.last_failure.and_then(time::from_seconds),
        "declared_at": all.get("declared_at"),
    })
}
