//! `/access/apps/{app_id}/policies`: policies of an application. Those that it shares are listed too, and changed where
//! they are.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::ask::{Ask, Body, Fields, take};
use super::resource::{find, gone, remove};
use super::{Refusal, Result, Routes, links, page, policies};
use crate::control::{Inventory, Kind, RecordId, Resource};

const KIND: Kind = Kind::ApplicationPolicy;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/access/apps/{app_id}/policies", get(list).post(create))
        .route("/access/apps/{app_id}/policies/{policy_id}", get(one).put(update).delete(delete))
}

#[derive(Deserialize)]
struct Ids {
    app_id: String,
    #[serde(default)]
    policy_id: String,
}

async fn list(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let application = find(&inventory, Kind::Application, &ids.app_id)?;
        let placed = links::placed(&inventory, &application);
        page::of(ask, placed.iter(), |placed| links::view(&inventory, placed))
    })
    .await
}

async fn one(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| shown(ask, StatusCode::OK, &ids)).await
}

async fn create(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let application = find(&inventory, Kind::Application, &ids.app_id)?;
        let document = document(ask, &inventory, &application, None, body)?;
        let id = ask.create(KIND, document)?;
        shown(ask, StatusCode::CREATED, &Ids { policy_id: id.to_string(), ..ids })
    })
    .await
}

async fn update(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        ask.amend(KIND, own_id(ask, &ids)?.as_str(), |inventory, policy| {
            let application = find(inventory, Kind::Application, &ids.app_id)?;
            document(ask, inventory, &application, Some(policy), body.clone())
        })?;
        shown(ask, StatusCode::OK, &ids)
    })
    .await
}

async fn delete(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let (inventory, id) = (ask.control.resources(), own_id(ask, &ids)?);
        ask.write(KIND, vec![remove(&find(&inventory, KIND, id.as_str())?)?])?;
        Ok(Answer::with(StatusCode::ACCEPTED, gone(&id)))
    })
    .await
}

/// What a body says, with the application and a place that no other of its policies has.
fn document(
    ask: &Ask,
    inventory: &Inventory,
    application: &Resource<'_>,
    before: Option<&Resource<'_>>,
    mut body: Fields,
) -> Result<Fields> {
    let wanted = take::<i64>(&mut body, "precedence")?;
    let kept = before.and_then(|before| before.document["precedence"].as_i64());
    let precedence = wanted.or(kept).unwrap_or_else(|| links::last(inventory, application));
    let is_other = |policy: &Resource<'_>| before.is_none_or(|before| before.id != policy.id);
    let mut others = links::placed(inventory, application).into_iter().filter(|it| is_other(&it.policy));
    if others.any(|other| other.precedence == Some(precedence)) {
        return Err(Refusal::invalid("policy precedences must be unique"));
    }
    let mut document = policies::document(ask, body)?;
    document.insert("app_id".to_owned(), json!(application.id.as_str()));
    document.insert("precedence".to_owned(), json!(precedence));
    Ok(document)
}

/// The id of a policy of the application's own.
fn own_id(ask: &Ask, ids: &Ids) -> Result<RecordId> {
    let inventory = ask.control.resources();
    let application = find(&inventory, Kind::Application, &ids.app_id)?;
    let policy_id = links::spelled(&ids.policy_id);
    let found = links::placed(&inventory, &application)
        .into_iter()
        .find(|placed| placed.policy.id.as_str() == policy_id)
        .ok_or_else(Refusal::not_found)?;
    match found.policy.kind {
        KIND => Ok(found.policy.id.clone()),
        _ => Err(Refusal::conflict("the policy is reusable: change it at access/policies")),
    }
}

fn shown(ask: &Ask, status: StatusCode, ids: &Ids) -> Result {
    let inventory = ask.control.resources();
    let application = find(&inventory, Kind::Application, &ids.app_id)?;
    let policy_id = links::spelled(&ids.policy_id);
    let placed = links::placed(&inventory, &application);
    let found = placed.iter().find(|placed| placed.policy.id.as_str() == policy_id);
    let found = found.ok_or_else(Refusal::not_found)?;
    Ok(Answer::with(status, links::view(&inventory, found)))
}
