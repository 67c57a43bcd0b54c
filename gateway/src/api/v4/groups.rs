//! `/access/groups`: rules under a name.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;

use super::answer::Answer;
use super::ask::{Ask, Body};
use super::resource::{fields, find, gone, remove, room, without_added};
use super::{Result, Routes, page, rules};
use crate::control::{Kind, Resource};

const KIND: Kind = Kind::Group;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/access/groups", get(list).post(create))
        .route("/access/groups/{group_id}", get(one).put(update).delete(delete))
}

#[derive(Deserialize)]
struct Ids {
    group_id: String,
}

async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let (inventory, name) = (ask.control.resources(), ask.text("name"));
        let named = |group: &Resource<'_>| name.is_none_or(|name| group.document["name"] == name);
        page::of(ask, inventory.list(KIND).filter(named), |group| view(&group))
    })
    .await
}

async fn one(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| shown(ask, StatusCode::OK, &ids.group_id)).await
}

async fn create(ask: Ask, Body(body): Body) -> Result {
    ask.run(move |ask| {
        let limits = ask.control.api_settings().limits;
        rules::check(&body, &limits)?;
        room(&ask.control.resources(), KIND, limits.groups, "maximum number of groups has been reached")?;
        let id = ask.create(KIND, without_added(body))?;
        shown(ask, StatusCode::CREATED, id.as_str())
    })
    .await
}

async fn update(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        rules::check(&body, &ask.control.api_settings().limits)?;
        ask.amend(KIND, &ids.group_id, |_, _| Ok(without_added(body.clone())))?;
        shown(ask, StatusCode::OK, &ids.group_id)
    })
    .await
}

async fn delete(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let group = find(&inventory, KIND, &ids.group_id)?;
        ask.write(KIND, vec![remove(&group)?])?;
        Ok(Answer::with(StatusCode::ACCEPTED, gone(group.id)))
    })
    .await
}

fn shown(ask: &Ask, status: StatusCode, id: &str) -> Result {
    let inventory = ask.control.resources();
    Ok(Answer::with(status, view(&find(&inventory, KIND, id)?)))
}

fn view(group: &Resource<'_>) -> Value {
    let mut fields = fields(group);
    rules::complete(&mut fields);
    Value::Object(fields)
}
