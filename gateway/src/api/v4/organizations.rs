//! `/access/organizations`: the one organization. Its `auth_domain` issues all tokens, unless the file says who does.

use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Body, Fields};
use super::resource::{fields, without_added};
use super::{Refusal, Result, Routes};
use crate::control::{Inventory, Kind, RecordId, Write};

const KIND: Kind = Kind::Organization;

pub(super) fn routes() -> Routes {
    Routes::new().route("/access/organizations", get(show).post(create).put(update).patch(update))
}

async fn show(ask: Ask) -> Result {
    ask.run(|ask| Ok(Answer::ok(view(ask)))).await
}

async fn create(ask: Ask, Body(body): Body) -> Result {
    change(ask, body, StatusCode::CREATED).await
}

/// What the body does not name stays.
async fn update(ask: Ask, Body(body): Body) -> Result {
    change(ask, body, StatusCode::OK).await
}

async fn change(ask: Ask, body: Fields, status: StatusCode) -> Result {
    ask.run(move |ask| {
        let is_fixed = ask.control.api_settings().team_domain.is_some();
        if is_fixed
            && body.get("auth_domain").is_some_and(|domain| Some(domain) != view(ask).get("auth_domain"))
        {
            return Err(Refusal::conflict(
                "access.team_domain in the configuration file says it: change it there",
            ));
        }
        ask.retry(KIND, |inventory| {
            let mut document = kept(inventory);
            document.extend(without_added(body.clone()));
            if is_fixed {
                document.remove("auth_domain");
            }
            Ok(vec![Write::put(KIND, RecordId::only(), Value::Object(document))])
        })?;
        Ok(Answer::with(status, view(ask)))
    })
    .await
}

fn kept(inventory: &Inventory) -> Fields {
    let kept = inventory.get(KIND, RecordId::only().as_str());
    kept.and_then(|kept| kept.document.as_object().cloned()).unwrap_or_default()
}

fn view(ask: &Ask) -> Value {
    let inventory = ask.control.resources();
    let kept = inventory.get(KIND, RecordId::only().as_str());
    let mut shown = kept.map(|kept| fields(&kept)).unwrap_or_default();
    shown.remove("id");
    if let Some(issuer) = ask.control.api_settings().team_domain {
        let domain = issuer.trim_start_matches("https://");
        shown.insert("auth_domain".to_owned(), json!(domain));
    }
    for key in ["auth_domain", "created_at", "updated_at"] {
        shown.entry(key).or_insert(Value::Null);
    }
    shown.entry("name").or_insert_with(|| json!("Fleetgate"));
    shown.entry("is_ui_read_only").or_insert(json!(false));
    Value::Object(shown)
}
