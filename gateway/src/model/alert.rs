//! Alerts before certificates expire: how long before, to whom, and in which shape.

use std::fmt;
use std::str::FromStr;

use super::record_id::RecordId;

/// A day, in seconds.
const DAY: u64 = 24 * 3600;

/// The only alert there is, as the API calls it.
pub const ALERT_TYPE: &str = "access_custom_certificate_expiration_type";

/// How many days before a certificate's `notAfter` an alert is due. 0 is when it has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Threshold(u16);

/// The number is none of a threshold's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give days before the certificate expires, from 1 to {}, or 0 for when it has expired", Threshold::MAX.0)]
pub struct NotAThreshold;

impl Threshold {
    /// When the certificate has expired.
    pub const EXPIRED: Self = Self(0);
    /// What counts where nobody says otherwise.
    pub const DEFAULT: [Self; 2] = [Self(30), Self(14)];
    /// The longest.
    pub const MAX: Self = Self(365);

    /// The number of days.
    pub const fn days(self) -> u16 {
        self.0
    }

    /// When it is reached for a certificate that is good until `not_after`. Seconds since the epoch.
    pub const fn at(self, not_after: u64) -> u64 {
        if self.0 == 0 { not_after.saturating_add(1) } else { not_after.saturating_sub(self.0 as u64 * DAY) }
    }

    /// Whether `now` is in the time in which it means anything: after it is reached, and unless it is about the end itself,
    /// before that.
    pub const fn is_reached(self, not_after: u64, now: u64) -> bool {
        now >= self.at(not_after) && (self.0 == 0 || now <= not_after)
    }
}

impl TryFrom<u64> for Threshold {
    type Error = NotAThreshold;

    fn try_from(days: u64) -> Result<Self, NotAThreshold> {
        let days = u16::try_from(days).map(Self).map_err(|_| NotAThreshold)?;
        if days <= Self::MAX { Ok(days) } else { Err(NotAThreshold) }
    }
}

impl FromStr for Threshold {
    type Err = NotAThreshold;

    fn from_str(text: &str) -> Result<Self, NotAThreshold> {
        text.parse::<u64>().map_err(|_| NotAThreshold)?.try_into()
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address for e-mail. It is compared without its case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(Box<str>);

/// The text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address; write it like operators@example.com")]
pub struct NotAnEmailAddress;

impl EmailAddress {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = NotAnEmailAddress;

    fn from_str(text: &str) -> Result<Self, NotAnEmailAddress> {
        let text = text.to_ascii_lowercase();
        let is_address = text.is_ascii() && text.parse::<lettre::Address>().is_ok();
        if is_address { Ok(Self(text.into())) } else { Err(NotAnEmailAddress) }
    }
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Recipient {
    /// A webhook, by its id.
    Webhook(RecordId),
    /// Somebody with a mailbox.
    Email(EmailAddress),
}

/// The text names no recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no recipient")]
pub struct NotARecipient(String);

impl FromStr for Recipient {
    type Err = NotARecipient;

    fn from_str(text: &str) -> Result<Self, NotARecipient> {
        let parsed = match text.split_once(':') {
            Some(("webhook", id)) => id.parse().ok().map(Self::Webhook),
            Some(("email", address)) => address.parse().ok().map(Self::Email),
            _ => None,
        };
        parsed.ok_or_else(|| NotARecipient(text.to_owned()))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(id) => write!(f, "webhook:{id}"),
            Self::Email(address) => write!(f, "email:{}", address.as_str()),
        }
    }
}

/// What a webhook's receiver wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Cloudflare's JSON.
    Generic,
    /// Slack, and what speaks like it.
    Slack,
    /// Discord.
    Discord,
    /// Microsoft Teams: an Adaptive Card.
    Teams,
    /// `PagerDuty`'s Events API, version 2.
    PagerDuty,
}

impl Shape {
    /// Every shape by its word.
    pub const WORDS: [(&str, Self); 5] = [
        ("generic", Self::Generic),
        ("slack", Self::Slack),
        ("discord", Self::Discord),
        ("teams", Self::Teams),
        ("pagerduty", Self::PagerDuty),
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Teams => "teams",
            Self::PagerDuty => "pagerduty",
        }
    }

    /// What the receiver at `host` wants, as far as its name says so.
    pub fn of_host(host: &str) -> Self {
        let host = host.to_ascii_lowercase();
        let is_under = |domain: &str| {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        match () {
            () if is_under("hooks.slack.com") => Self::Slack,
            () if is_under("discord.com") || is_under("discordapp.com") => Self::Discord,
            // Connectors, and Workflows before and since their hosts were renamed.
            () if is_under("webhook.office.com")
                || is_under("logic.azure.com")
                || is_under("environment.api.powerplatform.com") =>
            {
                Self::Teams
            }
            () if is_under("events.pagerduty.com") || is_under("events.eu.pagerduty.com") => Self::PagerDuty,
            () => Self::Generic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_AFTER: u64 = 100 * DAY;

    #[test]
    fn a_threshold_is_reached_to_the_second_and_means_nothing_after_the_end() {
        let month: Threshold = "30".parse().unwrap();
        assert!(!month.is_reached(NOT_AFTER, 70 * DAY - 1) && month.is_reached(NOT_AFTER, 70 * DAY));
        assert!(month.is_reached(NOT_AFTER, NOT_AFTER) && !month.is_reached(NOT_AFTER, NOT_AFTER + 1));
        assert!(!Threshold::EXPIRED.is_reached(NOT_AFTER, NOT_AFTER));
        assert!(Threshold::EXPIRED.is_reached(NOT_AFTER, NOT_AFTER + 1));
        assert_eq!((month.at(3), Threshold::EXPIRED.at(u64::MAX)), (0, u64::MAX));
    }

    #[test]
    fn days_have_a_range() {
        assert_eq!(Threshold::try_from(365), Ok(Threshold::MAX));
        for text in ["366", "-1", "", "14d", "99999999999999999999"] {
            assert_eq!(text.parse::<Threshold>(), Err(NotAThreshold), "{text}");
        }
    }

    #[test]
    fn recipients_are_read_as_they_are_written() {
        for text in ["webhook:2afa6e05-81e5-519b-92e3-480ae175f540", "email:operators@example.com"] {
            assert_eq!(text.parse::<Recipient>().unwrap().to_string(), text);
        }
        let email = |text: &str| text.parse::<EmailAddress>();
        assert_eq!(email("Ops@Example.COM"), email("ops@example.com"));
        for text in ["", "ops", "ops@", "a@b\r\nBcc: c@d", "Ops <ops@example.com>", "a b@example.com"] {
            assert_eq!(email(text), Err(NotAnEmailAddress), "{text}");
        }
        for text in ["", "webhook:", "email:ops", "pager:1"] {
            assert!(text.parse::<Recipient>().is_err(), "{text}");
        }
    }

    #[test]
    fn known_receivers_are_known_by_their_names() {
        let cases = [
            ("hooks.slack.com", Shape::Slack),
            ("Discord.com", Shape::Discord),
            ("contoso.webhook.office.com", Shape::Teams),
            ("prod-23.westeurope.logic.azure.com", Shape::Teams),
            ("default0123.a7.environment.api.powerplatform.com", Shape::Teams),
            ("events.pagerduty.com", Shape::PagerDuty),
            ("events.eu.pagerduty.com", Shape::PagerDuty),
            ("notdiscord.com", Shape::Generic),
            ("hooks.slack.com.example.com", Shape::Generic),
        ];
        for (host, shape) in cases {
            assert_eq!(Shape::of_host(host), shape, "{host}");
        }
        for (word, shape) in Shape::WORDS {
            assert_eq!(shape.as_str(), word);
        }
    }
}
