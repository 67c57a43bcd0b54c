//! `/access/keys`: the keys that sign application tokens.

use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Body, need};
use super::{Refusal, Result, Routes, code, time};
use crate::control::{Kind, RecordId, Write};

const DAY: u64 = 24 * 3600;

/// Days that a key may sign, as Cloudflare has them.
const DAYS: std::ops::RangeInclusive<u64> = 21..=365;

pub(super) fn routes() -> Routes {
    Routes::new().route("/access/keys", get(show).put(update)).route("/access/keys/rotate", post(rotate))
}

async fn show(ask: Ask) -> Result {
    ask.run(|ask| Ok(Answer::ok(view(ask)))).await
}

async fn update(ask: Ask, Body(mut body): Body) -> Result {
    ask.run(move |ask| {
        let days = need::<u64>(&mut body, "key_rotation_interval_days")?;
        if !DAYS.contains(&days) {
            return Err(Refusal::invalid("`key_rotation_interval_days` is from 21 to 365"));
        }
        if ask.control.api_settings().key_rotation.is_some() {
            return Err(Refusal::conflict(
                "access.key_rotation in the configuration file says it: change it there",
            ));
        }
        let document = json!({ "key_rotation_interval_days": days });
        ask.write(Kind::Keys, vec![Write::put(Kind::Keys, RecordId::only(), document)])?;
        Ok(Answer::ok(view(ask)))
    })
    .await
}

async fn rotate(ask: Ask) -> Result {
    ask.run(|ask| {
        let _changing = ask.control.changing().ok_or_else(Refusal::taking_over)?;
        ask.control.rotate_token_keys().map_err(|error| {
            Refusal::new(StatusCode::INSUFFICIENT_STORAGE, code::INTERNAL, error.to_string())
        })?;
        Ok(Answer::ok(view(ask)))
    })
    .await
}

fn view(ask: &Ask) -> Value {
    let (settings, keys) = (ask.control.api_settings(), ask.control.token_keys().keys);
    let inventory = ask.control.resources();
    let stored = inventory.get(Kind::Keys, RecordId::only().as_str());
    let stored = stored.and_then(|keys| keys.document["key_rotation_interval_days"].as_u64());
    let usual = settings.usual_key_rotation.as_secs() / DAY;
    let days = settings.key_rotation.map_or_else(|| stored.unwrap_or(usual), |time| time.as_secs() / DAY);
    let made = keys.keys.iter().find(|key| key.signs).map_or(0, |key| key.created);
    let left = keys.next_rotation.saturating_sub(time::now()).div_ceil(DAY);
    json!({
        "key_rotation_interval_days": days,
        "last_key_rotation_at": time::from_seconds(made),
        "days_until_next_rotation": left,
    })
}
