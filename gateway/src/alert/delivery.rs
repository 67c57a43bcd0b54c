//! What is recorded of a delivery: before it is tried, and after.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::device::identity::Fingerprint;
use crate::model::alert::{Recipient, Threshold};
use crate::model::id::ResourceId;
use crate::model::record_id::RecordId;

/// What is delivered, and to whom: delivered once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Who is told.
    pub recipient: Recipient,
    /// What.
    pub about: About,
}

/// What a delivery is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum About {
    /// The end of a certificate.
    Expiry(Fingerprint, Threshold),
    /// Whether the recipient can be reached at all; a webhook's id and URL give it.
    Test(ResourceId),
}

/// How far a delivery is. Times are seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum State {
    /// It is being tried; or it was when the gateway ended, and nobody knows whether it arrived.
    Sending,
    /// The last attempt failed.
    Failed {
        /// When.
        at: u64,
        /// When it is tried again.
        retry_at: u64,
    },
    /// The recipient has taken it.
    Delivered {
        /// When.
        at: u64,
    },
    /// It failed too often.
    GivenUp {
        /// When it failed last.
        at: u64,
    },
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// What it is.
    pub key: Key,
    /// How far it is.
    pub state: State,
    /// Attempts so far, the one under way counted.
    pub attempts: u32,
    /// When an attempt failed last.
    pub failed_at: Option<u64>,
    /// Why.
    pub error: Option<String>,
}

/// It as it is kept.
#[derive(Serialize, Deserialize)]
struct Document {
    recipient: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threshold: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    test: Option<String>,
    #[serde(flatten)]
    state: State,
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl State {
    /// Whether nothing more becomes of it.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Sending | Self::Failed { .. } => false,
            Self::Delivered { .. } | Self::GivenUp { .. } => true,
        }
    }
}

impl Key {
    /// The id that it is kept under: the same for the same key, always.
    pub(super) fn id(&self) -> RecordId {
        ResourceId::derived("alert_delivery", &format!("{}\0{}", self.about.name(), self.recipient)).into()
    }
}

impl About {
    /// The same for all recipients: receivers can tell by it that two messages are about one thing.
    pub(super) fn correlation(&self) -> ResourceId {
        ResourceId::derived("alert", &self.name())
    }

    fn name(&self) -> String {
        match self {
            Self::Expiry(fingerprint, threshold) => format!("{}\0{threshold}", fingerprint.hex()),
            Self::Test(id) => format!("test\0{id}"),
        }
    }
}

impl Delivery {
    /// One that nobody has tried yet.
    pub(super) const fn new(key: Key) -> Self {
        Self { key, state: State::Sending, attempts: 0, failed_at: None, error: None }
    }

    /// Reads what is kept. What does not read as a delivery is none.
    pub(super) fn read(document: &Value) -> Option<Self> {
        let Document { recipient, fingerprint, threshold, test, state, attempts, failed_at, error } =
            Document::deserialize(document).ok()?;
        let about = match (fingerprint, threshold, test) {
            (Some(fingerprint), Some(threshold), None) => {
                About::Expiry(fingerprint.parse().ok()?, threshold.try_into().ok()?)
            }
            (None, None, Some(test)) => About::Test(test.parse().ok()?),
            _ => return None,
        };
        let key = Key { recipient: recipient.parse().ok()?, about };
        Some(Self { key, state, attempts, failed_at, error })
    }

    /// When the recipient took it.
    pub(super) const fn delivered_at(&self) -> Option<u64> {
        match self.state {
            State::Delivered { at } => Some(at),
            State::Sending | State::Failed { .. } | State::GivenUp { .. } => None,
        }
    }

    /// As it is kept.
    pub(super) fn document(&self) -> Value {
        let (fingerprint, threshold, test) = match self.key.about {
            About::Expiry(fingerprint, threshold) => {
                (Some(fingerprint.hex()), Some(threshold.days().into()), None)
            }
            About::Test(id) => (None, None, Some(id.to_string())),
        };
        let document = Document {
            recipient: self.key.recipient.to_string(),
            fingerprint,
            threshold,
            test,
            state: self.state,
            attempts: self.attempts,
            failed_at: self.failed_at,
            error: self.error.clone(),
        };
        // Strings and numbers: there is nothing in it that JSON has not.
        serde_json::to_value(document).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_read_as_it_is_written() {
        let keys = [
            Key {
                recipient: "email:ops@example.com".parse().unwrap(),
                about: About::Expiry(Fingerprint([7; 32]), 14.try_into().unwrap()),
            },
            Key {
                recipient: "webhook:hook".parse().unwrap(),
                about: About::Test(ResourceId::derived("a", "b")),
            },
        ];
        let states = [
            State::Sending,
            State::Failed { at: 1, retry_at: 2 },
            State::Delivered { at: 3 },
            State::GivenUp { at: 4 },
        ];
        for (key, state) in keys.iter().flat_map(|key| states.map(|state| (key.clone(), state))) {
            let delivery =
                Delivery { key, state, attempts: 3, failed_at: Some(5), error: Some("timeout".to_owned()) };
            assert_eq!(Delivery::read(&delivery.document()), Some(delivery));
        }
        for document in [
            serde_json::json!({}),
            serde_json::json!({ "recipient": "webhook:a", "state": "sending", "attempts": 1 }),
        ] {
            assert_eq!(Delivery::read(&document), None);
        }
    }

    #[test]
    fn what_is_kept_under_an_id_stays_there() {
        let key = |days: u64, recipient: &str| Key {
            recipient: recipient.parse().unwrap(),
            about: About::Expiry(Fingerprint([1; 32]), days.try_into().unwrap()),
        };
        let one = key(14, "webhook:hook");
        assert_eq!(one.id().as_str(), "714f8b48-2e60-56af-9bfa-dfbe16f4cb80");
        assert_ne!(one.id(), key(30, "webhook:hook").id());
        assert_ne!(one.id(), key(14, "webhook:other").id());
        assert_eq!(one.about.correlation(), key(14, "webhook:other").about.correlation());
    }
}
