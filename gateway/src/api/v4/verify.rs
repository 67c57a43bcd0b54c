//! `/user/tokens/verify`: what clients ask to see whether their token counts.

use serde_json::json;

use super::ask::Ask;
use super::{Result, answer::Answer, time};
use crate::control::Kind;

/// A token that does not count has not come this far.
pub(super) async fn verify(ask: Ask) -> Result {
    let inventory = ask.control.resources();
    let id = ask.caller.token.as_deref().unwrap_or("admin socket");
    let token = inventory.get(Kind::AdminToken, id);
    let expires_at = token.and_then(|token| token.document["expires_at"].as_u64());
    let result = json!({
        "id": id,
        "status": "active",
        "expires_on": expires_at.and_then(time::from_seconds),
        "scopes": ask.caller.scopes.words(),
    });
    Ok(Answer::ok(result).note(Some(10000), "This API Token is valid and active"))
}
