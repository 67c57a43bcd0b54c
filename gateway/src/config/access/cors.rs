//! `[application.cors_headers]`

use std::fmt::Display;
use std::str::FromStr;

use http::{HeaderName, HeaderValue, Method};
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use crate::config::value::{Parsed, invalid};
use crate::model::cors::{Allowed, CorsHeaders};

/// `cors_headers`, in the API's shape.
pub(super) struct Cors(pub(super) CorsHeaders);

impl<'de> Deserialize<'de> for Cors {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let cors = CorsHeaders {
            origins: allowed::<Origin>(&mut table, "allow_all_origins", "allowed_origins")
                .map(|origin| origin.0),
            methods: allowed::<Method>(&mut table, "allow_all_methods", "allowed_methods"),
            headers: allowed::<HeaderName>(&mut table, "allow_all_headers", "allowed_headers"),
            credentials: table.optional("allow_credentials").unwrap_or_default(),
            max_age: table.optional("max_age"),
        };
        // Browsers refuse it, and a gateway that named every origin instead would let every page act for its visitor.
        if cors.credentials && cors.origins == Allowed::All {
            let message =
                "`allow_credentials` needs `allowed_origins`: not every page may act for its visitor";
            table.errors.extend(invalid(message.to_owned(), span).errors);
        }
        table.finalize(None)?;
        Ok(Self(cors))
    }
}

fn allowed<T: FromStr<Err: Display>>(
    table: &mut TableHelper<'_>,
    all: &'static str,
    these: &'static str,
) -> Allowed<T> {
    let everything = table.optional_s::<bool>(all).unwrap_or(Spanned::new(false));
    let items: Option<Spanned<Vec<Parsed<T>>>> = table.optional_s(these);
    match items {
        Some(items) if everything.value && !items.value.is_empty() => {
            let message = format!("`{all}` leaves nothing for `{these}` to say");
            table.errors.extend(invalid(message, items.span).errors);
            Allowed::All
        }
        _ if everything.value => Allowed::All,
        items => Allowed::These(items.into_iter().flat_map(|items| items.value).map(|item| item.0).collect()),
    }
}

/// An origin as browsers send it: `https://app.example.com`.
struct Origin(HeaderValue);

#[derive(Debug, thiserror::Error)]
#[error("not an origin: https://HOST or https://HOST:PORT, without a path")]
struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (scheme, host) = text.split_once("://").ok_or(NotAnOrigin)?;
        let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', '*']);
        if !["http", "https"].contains(&scheme) || !plain || host.parse::<http::uri::Authority>().is_err() {
            return Err(NotAnOrigin);
        }
        HeaderValue::from_str(&text.to_ascii_lowercase()).map(Self).map_err(|_| NotAnOrigin)
    }
}
