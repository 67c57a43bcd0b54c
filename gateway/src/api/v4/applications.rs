//! `/access/apps`: self-hosted applications.

mod draft;
mod view;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Body};
use super::resource::{find, new_id, remove, replace, room};
use super::{Refusal, Result, Routes, code, links, page};
use crate::control::{Inventory, Kind, Resource, Write};
use draft::Draft;
use view::{aud, view};

const KIND: Kind = Kind::Application;

/// What `…/settings` changes of an application.
const SETTINGS: [&str; 2] = ["allow_iframe", "skip_interstitial"];

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/access/apps", get(list).post(create))
        .route("/access/apps/{app_id}", get(one).put(update).delete(delete))
        .route("/access/apps/{app_id}/revoke_tokens", post(revoke))
        .route("/access/apps/{app_id}/settings", put(settings).patch(settings))
}

#[derive(Deserialize)]
struct Ids {
    app_id: String,
}

async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let inventory = ask.control.resources();
        let wanted = inventory.list(KIND).filter(|application| is_asked_for(ask, application));
        page::of(ask, wanted, |application| view(&inventory, &application))
    })
    .await
}

fn is_asked_for(ask: &Ask, application: &Resource<'_>) -> bool {
    let is_exact = ask.text("exact") == Some("true");
    let text = |key: &str| application.document[key].as_str().unwrap_or_default();
    let fits = |key: &str| {
        ask.text(key)
            .is_none_or(|asked| if is_exact { text(key) == asked } else { text(key).contains(asked) })
    };
    let search = ask.text("search");
    let is_found = search.is_none_or(|asked| text("name").contains(asked) || text("domain").contains(asked));
    ask.text("aud").is_none_or(|asked| aud(application) == asked)
        && fits("name")
        && fits("domain")
        && is_found
}

async fn one(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| shown(ask, StatusCode::OK, &ids.app_id)).await
}

async fn create(ask: Ask, Body(body): Body) -> Result {
    ask.run(move |ask| {
        let (inventory, id) = (ask.control.resources(), new_id());
        let most = ask.control.api_settings().limits.applications;
        room(&inventory, KIND, most, "maximum number of applications has been reached")?;
        let Draft { document, own } = Draft::read(ask, &inventory, &id, None, body)?;
        let mut writes = vec![Write::create(KIND, id.clone(), Value::Object(document))];
        writes.extend(own);
        ask.write(KIND, writes)?;
        shown(ask, StatusCode::CREATED, id.as_str())
    })
    .await
}

/// Its policies stay where the body says nothing of them.
async fn update(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        ask.retry(KIND, |inventory| {
            let before = find(inventory, KIND, &ids.app_id)?;
            let Draft { document, own } =
                Draft::read(ask, inventory, before.id, Some(&before), body.clone())?;
            let mut writes = vec![replace(&before, Value::Object(document))?];
            writes.extend(own);
            Ok(writes)
        })?;
        shown(ask, StatusCode::OK, &ids.app_id)
    })
    .await
}

async fn delete(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        ask.retry(KIND, |inventory| {
            let application = find(inventory, KIND, &ids.app_id)?;
            removal(inventory, &application)
        })?;
        Ok(Answer::with(StatusCode::ACCEPTED, json!({ "id": links::spelled(&ids.app_id) })))
    })
    .await
}

/// Its own policies go with it.
fn removal(inventory: &Inventory, application: &Resource<'_>) -> Result<Vec<Write>> {
    let own: Result<Vec<_>> = links::own(inventory, application.id).map(|policy| remove(&policy)).collect();
    let mut writes = vec![remove(application)?];
    writes.extend(own?);
    Ok(writes)
}

/// Devices that policy still permits get new tokens with their next requests.
async fn revoke(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let application = find(&inventory, KIND, &ids.app_id)?;
        let _changing = ask.control.changing().ok_or_else(Refusal::taking_over)?;
        match ask.control.revoke_tokens(&aud(&application)) {
            Ok(change) if change.failed => Err(Refusal::new(
                StatusCode::INSUFFICIENT_STORAGE,
                code::INTERNAL,
                change.problem.unwrap_or_default(),
            )),
            Ok(_) => Ok(Answer::with(StatusCode::ACCEPTED, json!({}))),
            Err(error) => Err(Refusal::invalid(error)),
        }
    })
    .await
}

async fn settings(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    ask.run(move |ask| {
        ask.amend(KIND, &ids.app_id, |_, application| {
            let mut document = application.document.as_object().cloned().unwrap_or_default();
            for key in SETTINGS {
                if let Some(value) = body.get(key) {
                    document.insert(key.to_owned(), value.clone());
                }
            }
            Ok(document)
        })?;
        let inventory = ask.control.resources();
        let application = find(&inventory, KIND, &ids.app_id)?;
        let of = |key: &str| application.document[key].as_bool().unwrap_or_default();
        Ok(Answer::ok(
            json!({ "allow_iframe": of("allow_iframe"), "skip_interstitial": of("skip_interstitial") }),
        ))
    })
    .await
}

fn shown(ask: &Ask, status: StatusCode, id: &str) -> Result {
    let inventory = ask.control.resources();
    let application = find(&inventory, KIND, id)?;
    let unused = inventory.unused(&application);
    let answer = Answer::with(status, view(&inventory, &application));
    Ok(unused.iter().fold(answer, |answer, name| answer.note(None, &format!("no host serves {name}"))))
}
