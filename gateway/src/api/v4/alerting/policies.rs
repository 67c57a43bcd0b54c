//! `/alerting/v3/policies`

use axum::extract::Path;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::ask::{Ask, Body, Fields};
use super::super::resource::{fields, find, gone, remove, room, without_added};
use super::super::{Refusal, Result, Routes};
use super::{only_id, refused};
use crate::control::{AlertPolicy, Inventory, Kind, Resource};
use crate::model::alert::Recipient;

const KIND: Kind = Kind::AlertPolicy;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/alerting/v3/policies", get(list).post(create))
        .route("/alerting/v3/policies/{policy_id}", get(one).put(update).delete(delete))
}

#[derive(Deserialize)]
struct Ids {
    policy_id: String,
}

/// All of them: clients ask for no second page.
async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let inventory = ask.control.resources();
        Ok(Answer::ok(inventory.list(KIND).map(|policy| view(&policy)).collect()))
    })
    .await
}

async fn one(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        Ok(Answer::ok(view(&find(&inventory, KIND, &ids.policy_id)?)))
    })
    .await
}

async fn create(ask: Ask, Body(body): Body) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let most = ask.control.api_settings().limits.alert_policies;
        room(&inventory, KIND, most, "maximum number of policies has been reached")?;
        let id = ask.create(KIND, checked(ask, &inventory, body)?)?;
        Ok(Answer::ok(only_id(id.as_str())))
    })
    .await
}

/// What is not given stays.
async fn update(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        ask.amend(KIND, &ids.policy_id, |inventory, policy| {
            let mut document = policy.document.as_object().cloned().unwrap_or_default();
            document.extend(body.clone());
            checked(ask, inventory, document)
        })?;
        let inventory = ask.control.resources();
        Ok(Answer::ok(only_id(find(&inventory, KIND, &ids.policy_id)?.id.as_str())))
    })
    .await
}

async fn delete(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let policy = find(&inventory, KIND, &ids.policy_id)?;
        ask.write(KIND, vec![remove(&policy)?])?;
        Ok(Answer::ok(gone(policy.id)))
    })
    .await
}

/// A document that reads as a policy whose recipients are there.
fn checked(ask: &Ask, inventory: &Inventory, fields: Fields) -> Result<Fields> {
    let mut fields = without_added(fields);
    fields.remove("created");
    fields.remove("modified");
    typed(&fields)?;
    if let Some(Value::Object(mechanisms)) = fields.get_mut("mechanisms") {
        mechanisms.retain(|_, recipients| !recipients.is_null());
    }
    let policy = AlertPolicy::read(&Value::Object(fields.clone())).map_err(|error| refused(&error))?;
    for recipient in &policy.recipients {
        match recipient {
            Recipient::Webhook(id) if inventory.get(Kind::AlertWebhook, id.as_str()).is_none() => {
                return Err(Refusal::invalid(format_args!("`mechanisms`: there is no webhook `{id}`")));
            }
            Recipient::Email(_) if !ask.control.alerts().has_mail() => {
                let message =
                    "`mechanisms`: there is no mail server; set [alert.smtp] in the configuration file";
                return Err(Refusal::invalid(message));
            }
            Recipient::Webhook(_) | Recipient::Email(_) => {}
        }
    }
    Ok(fields)
}

/// What is kept is answered as it came: it has the types that the document of the API says.
fn typed(fields: &Fields) -> Result<()> {
    let is_text = |value: &Value| value.is_string() || value.is_null();
    let is_table = |value: &Value| value.is_object() || value.is_null();
    for (key, value) in fields {
        let fits = match key.as_str() {
            "description" | "alert_interval" => is_text(value),
            "filters" => is_table(value),
            "mechanisms" => value.is_object(),
            "enabled" => value.is_boolean(),
            _ => true,
        };
        if !fits {
            return Err(Refusal::invalid(format_args!("`{key}` has another type than it should have")));
        }
    }
    Ok(())
}

fn view(policy: &Resource<'_>) -> Value {
    let mut fields = fields(policy);
    for (theirs, ours) in [("created", "created_at"), ("modified", "updated_at")] {
        let time = fields.remove(ours).unwrap_or_default();
        fields.insert(theirs.to_owned(), time);
    }
    fields.entry("description").or_insert(json!(""));
    fields.entry("filters").or_insert(json!({}));
    fields.entry("mechanisms").or_insert(json!({}));
    fields.entry("enabled").or_insert(json!(true));
    Value::Object(fields)
}
