//! Messages in the shapes that receivers read.

use serde_json::{Value, json};

use super::message::{Facts, Message};
use super::secret::Secret;
use crate::model::alert::Shape;

/// Characters of a message to Discord at most.
const DISCORD_MAX: usize = 2000;
/// Characters of a summary for `PagerDuty` at most.
const PAGER_DUTY_MAX: usize = 1024;

/// A message's body for a webhook. Only `PagerDuty` wants the secret in there.
pub(super) fn body(shape: Shape, message: &Message, secret: Option<&Secret>) -> Value {
    match shape {
        Shape::Generic => match &message.facts {
            Some(facts) => facts.payload.clone(),
            None => json!({ "text": message.text }),
        },
        Shape::Slack => json!({ "text": slack(&message.text) }),
        // Nobody is called by what a certificate's subject says.
        Shape::Discord => json!({
            "content": message.text.chars().take(DISCORD_MAX).collect::<String>(),
            "allowed_mentions": { "parse": [] },
        }),
        Shape::Teams => teams(message),
        Shape::PagerDuty => pager_duty(message, secret),
    }
}

/// What Slack reads as more than text.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn teams(message: &Message) -> Value {
    let block = |text: &str, weight: &str| json!({ "type": "TextBlock", "text": text, "weight": weight, "wrap": true });
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [block(&message.subject, "Bolder"), block(&message.text, "Default")],
            },
        }],
    })
}

/// An event of the Events API, version 2. One certificate and threshold is one incident, however often it is sent.
fn pager_duty(message: &Message, secret: Option<&Secret>) -> Value {
    let mut payload = json!({
        "summary": message.text.chars().take(PAGER_DUTY_MAX).collect::<String>(),
        "source": "fleetgate",
        "severity": severity(message.facts.as_ref()),
        "component": "mtls_certificate",
        "class": "certificate_expiration",
    });
    // An object, where there is one: a test has none.
    let details = message.facts.as_ref().and_then(|facts| facts.payload.get("data"));
    if let (Some(details), Some(payload)) = (details, payload.as_object_mut()) {
        payload.insert("custom_details".to_owned(), details.clone());
    }
    json!({
        "routing_key": secret.map(Secret::reveal),
        "event_action": "trigger",
        "dedup_key": message.correlation.to_string(),
        "client": "Fleetgate",
        "payload": payload,
    })
}

fn severity(facts: Option<&Facts>) -> &'static str {
    match facts.map(|facts| facts.days_left) {
        None => "info",
        Some(..=1) => "critical",
        Some(2..=7) => "error",
        Some(_) => "warning",
    }
}
