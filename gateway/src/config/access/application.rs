//! `[[application]]`

use std::sync::Arc;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::conditions::{Policy, reference_of};
use super::cors::Cors;
use crate::config::value::{Parsed, inner, invalid, word};
use crate::model::application::{DenyUrl, SameSite, Settings};
use crate::model::destination::Destination;
use crate::model::duration::GoDuration;
use crate::model::id::{Audience, Reference, ResourceId};

/// The longest sentence for those who are refused, in characters.
const MAX_MESSAGE: usize = 1024;

/// Policies for hosts and paths.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its id, where it is given.
    pub id: Option<ResourceId>,
    /// Its audience tag, where it is given.
    pub aud: Option<Audience>,
    /// What the operator calls it, where it is given.
    pub name: Option<String>,
    /// Where it is, the domain that it is known by first.
    pub destinations: Vec<Spanned<Destination>>,
    /// How those it concerns are treated.
    pub settings: Settings,
    /// In precedence order.
    pub policies: Vec<Listed>,
}

/// A policy of an application.
#[derive(Clone, Debug)]
pub enum Listed {
    /// Its own.
    Own(Spanned<Arc<Policy>>),
    /// One that applications share.
    Reused(Spanned<Reference>),
}

impl Application {
    /// The domain that it is known by.
    pub fn domain(&self) -> String {
        self.destinations.first().map(|domain| domain.value.to_string()).unwrap_or_default()
    }

    /// Its id: the one that is given, or the one that follows from its domain.
    pub fn id(&self) -> ResourceId {
        self.id.unwrap_or_else(|| ResourceId::derived("application", &self.domain()))
    }
}

impl<'de> Deserialize<'de> for Application {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let id = table.optional::<Parsed<ResourceId>>("id").map(|id| id.0);
        let aud = table.optional::<Parsed<Audience>>("aud").map(|aud| aud.0);
        let name = table.optional("name");
        let domain = table.required_s::<Parsed<Destination>>("domain");
        let more = table.optional::<Vec<Public>>("destinations").unwrap_or_default();
        let settings = settings(&mut table);
        let policies: Vec<Spanned<Policy>> = table.optional("policy").unwrap_or_default();
        let reused: Vec<Spanned<Reused>> = table.optional("policies").unwrap_or_default();
        if !policies.is_empty() && !reused.is_empty() {
            let message = "an application has either `policies` or tables `policy` of its own".to_owned();
            table.errors.extend(invalid(message, span).errors);
        }
        table.finalize(None)?;
        let mut destinations = vec![inner(domain?)];
        for Public(destination) in more {
            // The API repeats the domain among the destinations.
            if destinations.iter().all(|known| known.value != destination.value) {
                destinations.push(destination);
            }
        }
        let own = |Spanned { value, span }| Listed::Own(Spanned { value: Arc::new(value), span });
        let reused = reused.into_iter().map(|Spanned { value, span }| Spanned { value: value.0, span });
        let policies = policies.into_iter().map(own).chain(reused.map(Listed::Reused)).collect();
        Ok(Self { id, aud, name, destinations, settings, policies })
    }
}

fn settings(table: &mut TableHelper<'_>) -> Settings {
    let default = Settings::default();
    let url = |table: &mut TableHelper<'_>, key| table.optional::<Parsed<DenyUrl>>(key).map(|url| url.0);
    let session_duration = table.optional::<Parsed<GoDuration>>("session_duration");
    let settings = Settings {
        session_duration: session_duration.map_or(default.session_duration, |duration| duration.0),
        custom_deny_message: table.optional::<Message>("custom_deny_message").map(|message| message.0),
        custom_deny_url: url(table, "custom_deny_url"),
        custom_non_identity_deny_url: url(table, "custom_non_identity_deny_url"),
        http_only_cookie_attribute: table
            .optional("http_only_cookie_attribute")
            .unwrap_or(default.http_only_cookie_attribute),
        same_site_cookie_attribute: table.optional::<SameSite>("same_site_cookie_attribute"),
        path_cookie_attribute: table.optional("path_cookie_attribute").unwrap_or_default(),
        service_auth_401_redirect: table.optional("service_auth_401_redirect").unwrap_or_default(),
        options_preflight_bypass: table.optional("options_preflight_bypass").unwrap_or_default(),
        cors_headers: None,
    };
    let cors = table.optional_s::<Cors>("cors_headers");
    if let (Some(cors), true) = (&cors, settings.options_preflight_bypass) {
        let message =
            "`options_preflight_bypass` leaves preflight requests to the origin; take one of the two out";
        table.errors.extend(invalid(message.to_owned(), cors.span).errors);
    }
    Settings { cors_headers: cors.map(|cors| cors.value.0), ..settings }
}

impl<'de> Deserialize<'de> for SameSite {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[Self::None, Self::Lax, Self::Strict].map(|word| (word.as_str(), word)))
    }
}

/// A destination in the API's shape.
struct Public(Spanned<Destination>);

#[derive(Clone, Copy)]
struct PublicType;

impl<'de> Deserialize<'de> for PublicType {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("public", Self)])
    }
}

impl<'de> Deserialize<'de> for Public {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        table.optional::<PublicType>("type");
        let uri = table.required_s::<Parsed<Destination>>("uri");
        table.finalize(None)?;
        Ok(Self(inner(uri?)))
    }
}

/// A sentence for a page.
struct Message(Box<str>);

impl<'de> Deserialize<'de> for Message {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(None)?;
        if text.chars().count() > MAX_MESSAGE || text.chars().any(char::is_control) {
            let message = format!("a message has at most {MAX_MESSAGE} characters and is one line");
            return Err(invalid(message, value.span));
        }
        Ok(Self(text.into()))
    }
}

/// The id or the name of a reusable policy.
pub(in crate::config) struct Reused(pub(in crate::config) Reference);

impl<'de> Deserialize<'de> for Reused {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        Ok(Self(reference_of(&value.take_string(None)?)))
    }
}
