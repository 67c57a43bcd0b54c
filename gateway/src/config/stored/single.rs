//! Documents that say one thing.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use crate::config::value::{Parsed, invalid};
use crate::model::forwarding::Transform;
use crate::model::issuer::Issuer;

/// Days that a key may sign. Tokens of the key before count for a week.
const ROTATION: RangeInclusive<u32> = 7..=365;

/// Whether the origin of a hostname gets Cloudflare's certificate headers.
pub(super) struct Settings(pub(super) Spanned<bool>);

impl<'de> Deserialize<'de> for Settings {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let forwarding = table.optional("client_certificate_forwarding").unwrap_or_default();
        table.finalize(None)?;
        Ok(Self(Spanned { value: forwarding, span }))
    }
}

/// Who issues the tokens of all hosts.
pub(super) struct Organization(pub(super) Option<Issuer>);

impl<'de> Deserialize<'de> for Organization {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let issuer = table.optional::<Parsed<Issuer>>("auth_domain").map(|issuer| issuer.0);
        table.finalize(None)?;
        Ok(Self(issuer))
    }
}

/// How long a key signs.
pub(super) struct Keys(pub(super) Option<Duration>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let days = table.optional_s::<u32>("key_rotation_interval_days");
        table.finalize(None)?;
        match days {
            Some(days) if !ROTATION.contains(&days.value) => {
                let (least, most) = ROTATION.into_inner();
                let message = format!("`key_rotation_interval_days` is from {least} to {most}");
                Err(invalid(message, days.span))
            }
            days => Ok(Self(days.map(|days| Duration::from_hours(24 * u64::from(days.value))))),
        }
    }
}

/// Where the managed transform adds its headers.
pub(super) struct ManagedTransform(pub(super) Transform);

impl<'de> Deserialize<'de> for ManagedTransform {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let request = table.optional("request").unwrap_or_default();
        let response = table.optional("response").unwrap_or_default();
        table.finalize(None)?;
        Ok(Self(match (request, response) {
            (false, false) => Transform::Off,
            (true, false) => Transform::Request,
            (false, true) => Transform::Response,
            (true, true) => Transform::Both,
        }))
    }
}
