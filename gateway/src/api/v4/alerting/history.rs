//! `/alerting/v3/history`: alerts that were sent, the last ones first.

use axum::routing::get;
use serde_json::{Value, json};

use super::super::ask::Ask;
use super::super::{Result, Routes, page, time};
use crate::control::{Kind, Resource};

pub(super) fn routes() -> Routes {
    Routes::new().route("/alerting/v3/history", get(list))
}

async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let (since, before) = (ask.moment("since")?, ask.moment("before")?);
        let inventory = ask.control.resources();
        let is_meant = |entry: &Resource<'_>| {
            let at = sent(entry).saturating_mul(1000);
            since.is_none_or(|since| at >= since) && before.is_none_or(|before| at < before)
        };
        let mut entries: Vec<_> = inventory.list(Kind::AlertHistory).filter(is_meant).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(sent(entry)));
        page::of(ask, entries.into_iter(), |entry| view(&entry))
    })
    .await
}

/// Seconds since the epoch.
fn sent(entry: &Resource<'_>) -> u64 {
    entry.document["sent"].as_u64().unwrap_or_default()
}

fn view(entry: &Resource<'_>) -> Value {
    let mut view = entry.document.as_object().cloned().unwrap_or_default();
    view.insert("id".to_owned(), json!(entry.id.as_str()));
    view.insert("sent".to_owned(), json!(time::from_seconds(sent(entry))));
    Value::Object(view)
}
