//! `/access/service_tokens`: secrets that programs show. A secret is told once, and kept as its hash.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Body, Fields, need, take};
use super::resource::{fields, find, remove, room};
use super::{Refusal, Result, Routes, page, time};
use crate::api::auth::random;
use crate::control::{Kind, Resource};
use crate::model::duration::GoDuration;
use crate::model::hex::Lower;

const KIND: Kind = Kind::ServiceToken;

/// How long one counts unless somebody says otherwise.
const YEAR: &str = "8760h";

/// For those that have no end.
const FOREVER: &str = "forever";

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/access/service_tokens", get(list).post(create))
        .route("/access/service_tokens/{service_token_id}", get(one).put(update).delete(delete))
}

/// What an account has alone.
pub(super) fn account_routes() -> Routes {
    Routes::new()
        .route("/access/service_tokens/{service_token_id}/refresh", post(refresh))
        .route("/access/service_tokens/{service_token_id}/rotate", post(rotate))
}

#[derive(Deserialize)]
struct Ids {
    service_token_id: String,
}

async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let (inventory, name) = (ask.control.resources(), ask.text("name"));
        let named = |token: &Resource<'_>| name.is_none_or(|name| token.document["name"] == name);
        page::of(ask, inventory.list(KIND).filter(named), |token| Value::Object(view(&token)))
    })
    .await
}

async fn one(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| shown(ask, StatusCode::OK, &ids.service_token_id, None)).await
}

async fn create(ask: Ask, Body(mut body): Body) -> Result {
    ask.run(move |ask| {
        let most = ask.control.api_settings().limits.service_tokens;
        room(&ask.control.resources(), KIND, most, "maximum number of service tokens has been reached")?;
        let mut document = Fields::new();
        document.insert("name".to_owned(), json!(need::<String>(&mut body, "name")?));
        document.insert("client_id".to_owned(), json!(format!("{}.access", Lower(&random::<16>()))));
        last(&mut document, &take::<String>(&mut body, "duration")?.unwrap_or_else(|| YEAR.to_owned()))?;
        let secret = new_secret();
        document.insert("client_secret_sha256".to_owned(), json!(hash(&secret)));
        let id = ask.create(KIND, document)?;
        shown(ask, StatusCode::CREATED, id.as_str(), Some(secret))
    })
    .await
}

async fn update(ask: Ask, Path(ids): Path<Ids>, Body(body): Body) -> Result {
    change(ask, ids, move |document| {
        let mut body = body.clone();
        if let Some(name) = take::<String>(&mut body, "name")? {
            document.insert("name".to_owned(), json!(name));
        }
        match take::<String>(&mut body, "duration")? {
            Some(duration) => last(document, &duration),
            None => Ok(()),
        }
    })
    .await
}

/// Has it count as long again, from now on.
async fn refresh(ask: Ask, Path(ids): Path<Ids>) -> Result {
    change(ask, ids, |document| {
        let duration = document.get("duration").and_then(Value::as_str).unwrap_or(YEAR).to_owned();
        last(document, &duration)
    })
    .await
}

/// Gives it another secret; the one before counts no more.
async fn rotate(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let secret = new_secret();
        ask.amend(KIND, &ids.service_token_id, |_, token| {
            let mut document = token.document.as_object().cloned().unwrap_or_default();
            document.insert("client_secret_sha256".to_owned(), json!(hash(&secret)));
            Ok(document)
        })?;
        shown(ask, StatusCode::OK, &ids.service_token_id, Some(secret.clone()))
    })
    .await
}

async fn delete(ask: Ask, Path(ids): Path<Ids>) -> Result {
    ask.run(move |ask| {
        let inventory = ask.control.resources();
        let token = find(&inventory, KIND, &ids.service_token_id)?;
        let shown = Value::Object(view(&token));
        ask.write(KIND, vec![remove(&token)?])?;
        Ok(Answer::ok(shown))
    })
    .await
}

async fn change(ask: Ask, ids: Ids, change: impl Fn(&mut Fields) -> Result<()> + Send + 'static) -> Result {
    ask.run(move |ask| {
        ask.amend(KIND, &ids.service_token_id, |_, token| {
            let mut document = token.document.as_object().cloned().unwrap_or_default();
            change(&mut document)?;
            Ok(document)
        })?;
        shown(ask, StatusCode::OK, &ids.service_token_id, None)
    })
    .await
}

/// Has it count so long from now on.
fn last(document: &mut Fields, duration: &str) -> Result<()> {
    let end = if duration == FOREVER {
        None
    } else {
        let length: GoDuration =
            duration.parse().map_err(|error| Refusal::invalid(format_args!("`duration`: {error}")))?;
        time::from_seconds(time::now().saturating_add(length.get().as_secs()))
    };
    document.insert("duration".to_owned(), json!(duration));
    document.insert("expires_at".to_owned(), json!(end));
    Ok(())
}

fn new_secret() -> String {
    Lower(&random::<32>()).to_string()
}

fn hash(secret: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    Lower(digest(&SHA256, secret.as_bytes()).as_ref()).to_string()
}

fn shown(ask: &Ask, status: StatusCode, id: &str, secret: Option<String>) -> Result {
    let inventory = ask.control.resources();
    let mut view = view(&find(&inventory, KIND, id)?);
    if let Some(secret) = secret {
        view.insert("client_secret".to_owned(), json!(secret));
    }
    Ok(Answer::with(status, Value::Object(view)))
}

fn view(token: &Resource<'_>) -> Fields {
    let mut fields = fields(token);
    fields.entry("duration").or_insert(Value::Null);
    fields.entry("expires_at").or_insert(Value::Null);
    fields
}
