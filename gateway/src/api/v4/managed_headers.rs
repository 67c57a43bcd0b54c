//! `/managed_headers`: managed transforms. There is one, which tells of client certificates.

use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Body, Fields, need, take};
use super::{Refusal, Result, Routes};
use crate::control::{Kind, RecordId, Write};

const KIND: Kind = Kind::ManagedTransform;

/// The transform's name.
const NAME: &str = "add_client_certificate_headers";

/// The lists, and what the transform's document calls them.
const LISTS: [(&str, &str); 2] =
    [("managed_request_headers", "request"), ("managed_response_headers", "response")];

pub(super) fn routes() -> Routes {
    Routes::new().route("/managed_headers", get(show).patch(update).delete(reset))
}

async fn show(ask: Ask) -> Result {
    ask.run(|ask| Ok(Answer::ok(view(ask)))).await
}

async fn update(ask: Ask, Body(mut body): Body) -> Result {
    ask.run(move |ask| {
        refuse_where_fixed(ask)?;
        let mut changes = Vec::new();
        for (list, key) in LISTS {
            for mut entry in take::<Vec<Fields>>(&mut body, list)?.unwrap_or_default() {
                let id = need::<String>(&mut entry, "id")?;
                if id != NAME {
                    return Err(Refusal::invalid(format_args!(
                        "there is no managed transform `{id}` in {list}"
                    )));
                }
                changes.push((key, need::<bool>(&mut entry, "enabled")?));
            }
        }
        ask.retry(KIND, |inventory| {
            let kept = inventory.get(KIND, NAME);
            let mut document = kept.and_then(|kept| kept.document.as_object().cloned()).unwrap_or_default();
            document.extend(changes.iter().map(|(key, enabled)| ((*key).to_owned(), json!(enabled))));
            Ok(vec![Write::put(KIND, id(), Value::Object(document))])
        })?;
        Ok(Answer::ok(view(ask)))
    })
    .await
}

async fn reset(ask: Ask) -> Result {
    ask.run(|ask| {
        refuse_where_fixed(ask)?;
        if ask.control.resources().get(KIND, NAME).is_some() {
            ask.write(KIND, vec![Write::delete(KIND, id())])?;
        }
        Ok(Answer::with(StatusCode::NO_CONTENT, Value::Null))
    })
    .await
}

fn refuse_where_fixed(ask: &Ask) -> Result<()> {
    match ask.control.api_settings().managed_transform {
        None => Ok(()),
        Some(_) => Err(Refusal::conflict(
            "forwarding.managed_transform in the configuration file says it: change it there",
        )),
    }
}

fn id() -> RecordId {
    RecordId::named(NAME)
}

fn view(ask: &Ask) -> Value {
    let inventory = ask.control.resources();
    let fixed = ask.control.api_settings().managed_transform;
    let is_on = |key: &str| match fixed {
        Some(transform) if key == "request" => transform.on_request(),
        Some(transform) => transform.on_response(),
        None => inventory.get(KIND, NAME).is_some_and(|kept| kept.document[key] == true),
    };
    LISTS
        .into_iter()
        .map(|(list, key)| {
            let entry =
                json!({ "id": NAME, "enabled": is_on(key), "has_conflict": false, "conflicts_with": [] });
            (list.to_owned(), json!([entry]))
        })
        .collect::<Fields>()
        .into()
}
