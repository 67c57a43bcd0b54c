//! What an alert says, before it takes its receiver's shape.

use serde_json::{Value, json};

use super::delivery::Key;
use super::watched::Watched;
use crate::model::alert::ALERT_TYPE;
use crate::model::id::ResourceId;

/// What the alert is called in the API and in its messages.
pub const DISPLAY_NAME: &str = "Access mTLS Certificate Expiration Alert";

/// What tells the receiver that it is only a test.
const TEST: &str = "Hello World! This is a test message sent from Fleetgate. If you can see this, your webhook is configured properly.";

/// The account and zone in whose names alerts are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// The account's id.
    pub account: String,
    /// The zone's id.
    pub zone: String,
}

/// A policy, as messages name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// One line.
    pub subject: String,
    /// All of it.
    pub text: String,
    /// The same for every message about the same thing.
    pub correlation: ResourceId,
    /// The id of its delivery: the same each time that it is tried.
    pub delivery: String,
    /// Seconds since the epoch.
    pub sent: u64,
    /// What it is about; a test is about nothing.
    pub facts: Option<Facts>,
}

/// What an alert is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Facts {
    /// The JSON that Cloudflare sends.
    pub payload: Value,
    /// Days until the end; 0 or below once the certificate has expired.
    pub days_left: i64,
    /// The policy.
    pub policy: Named,
}

impl Message {
    /// About a certificate's end.
    pub(super) fn expiry(key: &Key, watched: &Watched, policy: Named, sender: &Sender, now: u64) -> Self {
        let days_left = watched.days_left(now);
        let (subject, text) = words(watched, days_left);
        let correlation = key.about.correlation();
        let holder = watched.holders.first();
        let hostnames: Vec<_> = watched.hostnames().into_iter().collect();
        let payload = json!({
            "account_id": sender.account,
            "alert_correlation_id": correlation.to_string(),
            "alert_event": "ALERT_STATE_EVENT_START",
            "alert_type": ALERT_TYPE,
            "data": {
                "account_name": "",
                "account_tag": sender.account,
                "certificate_id": holder.map(|holder| holder.id.as_str()),
                "certificate_name": holder.map(|holder| holder.name.as_str()),
                "certificate_subject": watched.subject,
                "certificate_fingerprint_sha256": watched.fingerprint.hex(),
                "days_til_expiration": days_left,
                "expires_on": time(watched.not_after),
                "hostnames": hostnames.join(","),
                "zone_name": "",
                "zone_tag": sender.zone,
            },
            "name": DISPLAY_NAME,
            "policy_id": policy.id,
            "policy_name": policy.name,
            "text": text,
            "ts": now,
        });
        let facts = Some(Facts { payload, days_left, policy });
        Self { subject, text, correlation, delivery: key.id().to_string(), sent: now, facts }
    }

    /// A test.
    pub(super) fn test(key: &Key, now: u64) -> Self {
        Self {
            subject: "Test message".to_owned(),
            text: TEST.to_owned(),
            correlation: key.about.correlation(),
            delivery: key.id().to_string(),
            sent: now,
            facts: None,
        }
    }
}

fn words(watched: &Watched, days_left: i64) -> (String, String) {
    let names: Vec<_> = watched.holders.iter().map(|holder| format!("`{}`", holder.name)).collect();
    let names = names.join(", ");
    let when = match days_left {
        ..=0 => "has expired".to_owned(),
        1 => "expires within a day".to_owned(),
        days => format!("expires in {days} days"),
    };
    let hosts: Vec<_> = watched.hostnames().into_iter().collect();
    let hosts = match hosts.as_slice() {
        [] => "It is for no host.".to_owned(),
        hosts => format!("It is for {}.", hosts.join(", ")),
    };
    let subject = format!("mTLS certificate {names} {when}");
    let text = format!(
        "The certificate `{}` of mTLS certificate {names} {when}: it is good until {}. {hosts} Upload a renewed certificate.",
        watched.subject,
        time(watched.not_after)
    );
    (subject, text)
}

/// A time for people and programs: RFC 3339, to the second.
pub(super) fn time(seconds: u64) -> String {
    crate::device::ca::time(seconds)
}
