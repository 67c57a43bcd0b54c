//! `/access/logs/access_requests`: the last decisions, as far as they are in memory.

use axum::routing::get;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::Ask;
use super::{Refusal, Result, Routes, time};
use crate::control::{Decision, Inventory, Kind};

/// Entries unless somebody says otherwise.
const USUAL: usize = 25;

/// Entries at most.
const MOST: usize = 1000;

pub(super) fn routes() -> Routes {
    Routes::new().route("/access/logs/access_requests", get(list))
}

async fn list(ask: Ask) -> Result {
    ask.run(|ask| {
        let limit = ask.parsed::<usize>("limit")?.unwrap_or(USUAL).min(MOST);
        let is_ascending = match ask.text("direction") {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(Refusal::invalid("`direction` is asc or desc")),
        };
        let (since, until) = (ask.moment("since")?, ask.moment("until")?);
        let mut decisions = ask.control.decisions();
        decisions.retain(|decision| {
            let at = milliseconds(decision);
            since.is_none_or(|since| at >= since) && until.is_none_or(|until| at <= until)
        });
        if !is_ascending {
            decisions.reverse();
        }
        let inventory = ask.control.resources();
        let shown = decisions.iter().take(limit).map(|decision| view(&inventory, decision)).collect();
        Ok(Answer::ok(Value::Array(shown)))
    })
    .await
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of our own clock")]
fn milliseconds(decision: &Decision) -> u64 {
    (decision.time * 1000.0) as u64
}

fn view(inventory: &Inventory, decision: &Decision) -> Value {
    let id = decision.application_id.as_deref();
    let application = id.and_then(|id| inventory.get(Kind::Application, id));
    let domain =
        application.and_then(|application| application.document["domain"].as_str().map(str::to_owned));
    json!({
        "action": "login",
        "allowed": decision.permitted,
        "app_domain": domain.unwrap_or_else(|| decision.host.to_string()),
        "app_uid": id.unwrap_or_default(),
        "connection": "nonidentity",
        "created_at": time::from_milliseconds(milliseconds(decision)),
        "ip_address": decision.source,
        "ray_id": decision.ray_id,
        "user_email": "",
    })
}
