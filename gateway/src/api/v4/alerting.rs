//! `/alerting/v3`: who is told before certificates expire.

mod history;
mod policies;
mod webhooks;

use axum::routing::get;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::Ask;
use super::{Refusal, Result, Routes};
use crate::control::{ALERT_NAME, DocumentError};
use crate::model::alert::ALERT_TYPE;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/alerting/v3/available_alerts", get(available))
        .route("/alerting/v3/destinations/eligible", get(eligible))
        .merge(webhooks::routes())
        .merge(policies::routes())
        .merge(history::routes())
}

/// There is one kind of alert.
async fn available() -> Result {
    Ok(Answer::ok(json!({ "SSL/TLS": [{
        "type": ALERT_TYPE,
        "display_name": ALERT_NAME,
        "description": "Sent 30 and 14 days before a CA certificate expires, or as many as filters.days has.",
        "filter_options": [
            { "Key": "days", "ComparisonOperator": "==", "Range": "0-n", "AvailableValues": null },
        ],
    }] })))
}

async fn eligible(ask: Ask) -> Result {
    let has_mail = ask.control.alerts().has_mail();
    let mechanism = |word: &str, ready: bool| json!([{ "type": word, "eligible": true, "ready": ready }]);
    Ok(Answer::ok(json!({
        "email": mechanism("email", has_mail),
        "pagerduty": mechanism("pagerduty", true),
        "webhooks": mechanism("webhooks", true),
    })))
}

fn refused(error: &DocumentError) -> Refusal {
    Refusal::invalid(format_args!("`{}`: {}", error.key, error.problem))
}

/// An id alone is what a change gives.
fn only_id(id: &str) -> Value {
    json!({ "id": id })
}
