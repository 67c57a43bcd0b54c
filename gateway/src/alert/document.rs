//! Webhooks and policies, as they are kept and as the API has them.

use serde_json::Value;

use super::secret::{NotASecret, Secret};
use crate::model::alert::{ALERT_TYPE, NotAThreshold, Recipient, Shape, Threshold};
use crate::web::{Url, UrlError};

/// Characters of a name at most.
const MAX_NAME: usize = 256;
/// Recipients of a policy at most.
const MAX_RECIPIENTS: usize = 100;
/// Thresholds of a policy at most.
const MAX_THRESHOLDS: usize = 10;

/// Where alerts go.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// What the operator calls it.
    pub name: String,
    /// Where it is. Some have a secret in it.
    pub(super) url: Url,
    /// What is read there.
    pub(super) shape: Shape,
    /// What it knows us by.
    pub(super) secret: Option<Secret>,
}

/// Which alerts go where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What the operator calls it.
    pub name: String,
    /// Whether it counts.
    pub enabled: bool,
    /// Who is told.
    pub recipients: Vec<Recipient>,
    /// How long before.
    pub thresholds: Vec<Threshold>,
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct DocumentError {
    /// The key in question.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Webhook {
    /// # Errors
    /// [`DocumentError`]
    pub fn read(document: &Value) -> Result<Self, DocumentError> {
        Self::with_secret(document, None)
    }

    /// The same where the secret, if there is one, is kept elsewhere.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(super) fn with_secret(document: &Value, secret: Option<&Secret>) -> Result<Self, DocumentError> {
        let name = name(document)?;
        let url = text(document, "url")?.ok_or_else(|| wrong("url", "it is required"))?;
        let url = Url::read(url).map_err(|error: UrlError| wrong("url", error))?;
        let shape = shape(document, &url)?;
        let written = text(document, "secret")?.filter(|secret| !secret.is_empty());
        let written = written.map(Secret::new).transpose();
        let written = written.map_err(|error: NotASecret| wrong("secret", error))?;
        let secret = secret.cloned().or(written);
        if shape == Shape::PagerDuty && secret.is_none() {
            return Err(wrong("secret", "PagerDuty wants an integration's routing key here"));
        }
        Ok(Self { name, url, shape, secret })
    }

    /// The word for what is read there, as far as the document says so.
    pub fn shape_of(document: &Value) -> Option<&'static str> {
        let url = Url::read(text(document, "url").ok()??).ok()?;
        shape(document, &url).ok().map(Shape::as_str)
    }
}

impl Policy {
    /// # Errors
    /// [`DocumentError`]
    pub fn read(document: &Value) -> Result<Self, DocumentError> {
        let name = name(document)?;
        match text(document, "alert_type")? {
            Some(ALERT_TYPE) => {}
            Some(other) => return Err(wrong("alert_type", format_args!("`{other}` is not {ALERT_TYPE}"))),
            None => return Err(wrong("alert_type", "it is required")),
        }
        let enabled = match document.get("enabled") {
            Some(Value::Bool(enabled)) => *enabled,
            None | Some(Value::Null) => true,
            Some(_) => return Err(wrong("enabled", "true or false")),
        };
        Ok(Self { name, enabled, recipients: recipients(document)?, thresholds: thresholds(document)? })
    }
}

/// The one that is given, or the one that the URL's host speaks for.
fn shape(document: &Value, url: &Url) -> Result<Shape, DocumentError> {
    let Some(word) = text(document, "type")? else { return Ok(Shape::of_host(&url.host)) };
    let known = Shape::WORDS.iter().find(|(it, _)| *it == word);
    let words = Shape::WORDS.map(|(word, _)| word).join(", ");
    known.map(|(_, shape)| *shape).ok_or_else(|| wrong("type", format_args!("`{word}` is none of: {words}")))
}

fn recipients(document: &Value) -> Result<Vec<Recipient>, DocumentError> {
    let empty = serde_json::Map::new();
    let mechanisms = match document.get("mechanisms") {
        Some(Value::Object(mechanisms)) => mechanisms,
        None | Some(Value::Null) => &empty,
        Some(_) => return Err(wrong("mechanisms", "an object of lists of recipients")),
    };
    let mut recipients = Vec::new();
    for (mechanism, listed) in mechanisms {
        let entries = match listed {
            Value::Array(entries) => entries.as_slice(),
            Value::Null => &[],
            _ => return Err(wrong("mechanisms", format_args!("`{mechanism}` is a list of recipients"))),
        };
        for entry in entries {
            let id = entry["id"].as_str().ok_or_else(|| wrong("mechanisms", "each recipient has an `id`"))?;
            let recipient = recipient(mechanism, id)?;
            if !recipients.contains(&recipient) {
                recipients.push(recipient);
            }
        }
    }
    if recipients.len() > MAX_RECIPIENTS {
        return Err(wrong("mechanisms", format_args!("more than {MAX_RECIPIENTS} recipients")));
    }
    Ok(recipients)
}

fn recipient(mechanism: &str, id: &str) -> Result<Recipient, DocumentError> {
    let bad = |error: &dyn std::fmt::Display| wrong("mechanisms", format_args!("`{id}`: {error}"));
    match mechanism {
        // A service of PagerDuty's is a webhook here.
        "webhooks" | "pagerduty" => id.parse().map(Recipient::Webhook).map_err(|error| bad(&error)),
        "email" => id.parse().map(Recipient::Email).map_err(|error| bad(&error)),
        _ => Err(wrong("mechanisms", format_args!("`{mechanism}` is none of: email, pagerduty, webhooks"))),
    }
}

/// `filters.days`, the farthest from the end first.
fn thresholds(document: &Value) -> Result<Vec<Threshold>, DocumentError> {
    let days = match document.get("filters").and_then(|filters| filters.get("days")) {
        None | Some(Value::Null) => return Ok(Threshold::DEFAULT.to_vec()),
        Some(Value::Array(days)) => days,
        Some(_) => return Err(wrong("filters.days", "a list of days")),
    };
    let threshold = |day: &Value| {
        let parsed = match day {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_u64().and_then(|days| days.try_into().ok()),
            _ => None,
        };
        parsed.ok_or_else(|| wrong("filters.days", NotAThreshold))
    };
    let mut thresholds = days.iter().map(threshold).collect::<Result<Vec<Threshold>, _>>()?;
    thresholds.sort_unstable_by(|a, b| b.cmp(a));
    thresholds.dedup();
    match thresholds.len() {
        0 => Err(wrong("filters.days", "give one at least, or leave it out")),
        1..=MAX_THRESHOLDS => Ok(thresholds),
        _ => Err(wrong("filters.days", format_args!("more than {MAX_THRESHOLDS}"))),
    }
}

fn name(document: &Value) -> Result<String, DocumentError> {
    let name = text(document, "name")?.unwrap_or_default();
    match name.chars().count() {
        0 => Err(wrong("name", "it is required")),
        1..=MAX_NAME => Ok(name.to_owned()),
        _ => Err(wrong("name", format_args!("more than {MAX_NAME} characters"))),
    }
}

fn text<'a>(document: &'a Value, key: &'static str) -> Result<Option<&'a str>, DocumentError> {
    match document.get(key) {
        Some(Value::String(text)) => Ok(Some(text)),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(wrong(key, "a text")),
    }
}

fn wrong(key: &'static str, problem: impl std::fmt::Display) -> DocumentError {
    DocumentError { key, problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(more: Value) -> Result<Policy, DocumentError> {
        let mut document =
            json!({ "name": "p", "alert_type": ALERT_TYPE, "enabled": true, "mechanisms": {} });
        if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
            document.extend(more);
        }
        Policy::read(&document)
    }

    #[test]
    fn a_policy_names_recipients_of_every_mechanism_once() {
        let mechanisms = json!({
            "email": [{ "id": "Ops@example.com" }, { "id": "ops@example.com" }],
            "pagerduty": [{ "id": "pager" }],
            "webhooks": [{ "id": "hook" }],
        });
        let read = policy(json!({ "mechanisms": mechanisms, "alert_interval": "30m" })).unwrap();
        let recipients: Vec<_> = read.recipients.iter().map(ToString::to_string).collect();
        assert_eq!(recipients, ["email:ops@example.com", "webhook:pager", "webhook:hook"]);
        assert_eq!(read.thresholds, Threshold::DEFAULT);
    }

    #[test]
    fn thresholds_are_days_in_any_order_and_once() {
        let read = policy(json!({ "filters": { "days": ["0", 1, "30", 7, "30"] } })).unwrap();
        let days: Vec<_> = read.thresholds.iter().map(|threshold| threshold.days()).collect();
        assert_eq!(days, [30, 7, 1, 0]);
        let many: Vec<_> = (0..11).collect();
        for days in [json!([]), json!("30"), json!(["a"]), json!([366]), json!([-1]), json!(many)] {
            assert_eq!(policy(json!({ "filters": { "days": days } })).unwrap_err().key, "filters.days");
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_its_key() {
        let cases = [
            (json!({ "name": "" }), "name"),
            (json!({ "name": 1 }), "name"),
            (json!({ "alert_type": "universal_ssl_event_type" }), "alert_type"),
            (json!({ "enabled": "yes" }), "enabled"),
            (json!({ "mechanisms": { "email": [{ "id": "nobody" }] } }), "mechanisms"),
            (json!({ "mechanisms": { "email": [{}] } }), "mechanisms"),
            (json!({ "mechanisms": { "pigeon": [{ "id": "a" }] } }), "mechanisms"),
        ];
        for (more, key) in cases {
            assert_eq!(policy(more.clone()).unwrap_err().key, key, "{more}");
        }
        let cases = [
            (json!({ "name": "w" }), "url"),
            (json!({ "name": "w", "url": "ftp://example.com" }), "url"),
            (json!({ "name": "w", "url": "https://a.example.com", "type": "fax" }), "type"),
            (json!({ "name": "w", "url": "https://a.example.com", "secret": "a\r\nb" }), "secret"),
            (json!({ "name": "w", "url": "https://events.pagerduty.com/v2/enqueue" }), "secret"),
        ];
        for (document, key) in cases {
            assert_eq!(Webhook::read(&document).unwrap_err().key, key, "{document}");
        }
    }

    #[test]
    fn a_webhook_has_the_shape_that_its_receiver_reads_and_keeps_its_secret() {
        let document =
            json!({ "name": "w", "url": "https://hooks.slack.com/services/x", "secret": "s3cret" });
        let webhook = Webhook::read(&document).unwrap();
        assert_eq!(webhook.shape, Shape::Slack);
        assert!(!format!("{:?}", webhook.secret).contains("s3cret"));
        assert_eq!(webhook.secret.unwrap().reveal(), "s3cret");
        let webhook =
            Webhook::read(&json!({ "name": "w", "url": "https://a.example.com", "type": "teams" })).unwrap();
        assert_eq!((webhook.shape, webhook.secret), (Shape::Teams, None));
    }
}
