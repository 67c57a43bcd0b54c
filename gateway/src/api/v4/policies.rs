//! `/access/policies`: policies that applications share.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Body, Fields};
use super::resource::{fields, find, gone, remove, without_added};
use super::{Refusal, Result, Routes, links, page, rules};
use crate::control::{Inventory, Kind, Resource};

const KIND: Kind = Kind::Policy;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/access/policies", get(list).post(create))
        .route("/access/policies/{policy_id}", get(one).put(update).delete(delete))
}

#[derive(Deserialize)]
struct Ids {
    policy_id: String,
}

async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let inventory = ask.control.resources();
        page::of(ask, inventory.list(KIND), |policy| Value::Object(view(&inventory, &policy)))
    })
    .await
}

async fn one(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| shown(ask, StatusCode::OK, &ids.policy_id)).await
}

async fn create(ask: Ask, Body(body): Body) -> Result {
    ask.run(move |ask| {
        let id = ask.create(KIND, document(ask, body)?)?;
        shown(ask, StatusCode::CREATED, id.as_str())
    })
    .await
}

async fn update(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        let document = document(ask, body)?;
        ask.amend(KIND, &ids.policy_id, |_, _| Ok(document.clone()))?;
        shown(ask, StatusCode::OK, &ids.policy_id)
    })
    .await
}

async fn delete(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let policy = find(&inventory, KIND, &ids.policy_id)?;
        match links::users(&inventory, policy.id) {
            0 => {}
            users => {
                return Err(Refusal::conflict(format_args!(
                    "the policy is in use (applications: {users}); take it from them first"
                )));
            }
        }
        ask.write(KIND, vec![remove(&policy)?])?;
        Ok(Answer::with(StatusCode::ACCEPTED, gone(policy.id)))
    })
    .await
}

/// What a policy's body says, within limits.
pub(super) fn document(ask: &Ask, body: Fields) -> Result<Fields> {
    rules::check(&body, &ask.control.api_settings().limits)?;
    let mut document = without_added(body);
    for key in ["reusable", "app_count", "app_id"] {
        document.remove(key);
    }
    Ok(document)
}

fn shown(ask: &Ask, status: StatusCode, id: &str) -> Result {
    let inventory = ask.control.resources();
    Ok(Answer::with(status, Value::Object(view(&inventory, &find(&inventory, KIND, id)?))))
}

/// What is told of a policy, shared or not.
pub(super) fn view(inventory: &Inventory, policy: &Resource<'_>) -> Fields {
    let mut fields = fields(policy);
    rules::complete(&mut fields);
    let is_shared = policy.kind == KIND;
    fields.insert("reusable".to_owned(), json!(is_shared));
    if is_shared {
        fields.insert("app_count".to_owned(), json!(links::users(inventory, policy.id)));
    }
    fields
}
