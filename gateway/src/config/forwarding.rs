//! `[forwarding]`, and what a host says otherwise in `[host.forwarding]`.

use std::sync::Arc;

use http::HeaderName;
use toml_span::de_helpers::TableHelper;
use toml_span::value::ValueInner;
use toml_span::{DeserError, Deserialize, Value};

use super::value::{Parsed, invalid, word};
use crate::model::forwarding::{Forwarding, Requests, Template, Transform};

/// What is said of forwarding in one place; what it is silent about is taken from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardingChoice {
    cloudflare: Option<bool>,
    first_request_only: Option<bool>,
    rfc9440: Option<bool>,
    xfcc: Option<bool>,
    managed_transform: Option<Transform>,
    start_trace: Option<bool>,
    headers: Option<Arc<[(HeaderName, Template)]>>,
}

impl ForwardingChoice {
    /// What it says of Cloudflare's certificate headers.
    pub fn cloudflare(&self) -> Option<bool> {
        self.cloudflare
    }

    /// With what the store says where this is silent.
    #[must_use]
    pub fn or_stored(&self, cloudflare: Option<bool>, managed_transform: Option<Transform>) -> Self {
        Self {
            cloudflare: self.cloudflare.or(cloudflare),
            managed_transform: self.managed_transform.or(managed_transform),
            ..self.clone()
        }
    }

    /// What holds where `otherwise` would.
    pub fn or(&self, otherwise: &Forwarding) -> Forwarding {
        let first_only = self.first_request_only.unwrap_or(otherwise.cloudflare == Requests::First);
        let cloudflare = match self.cloudflare.unwrap_or(otherwise.cloudflare != Requests::None) {
            false => Requests::None,
            true if first_only => Requests::First,
            true => Requests::All,
        };
        Forwarding {
            cloudflare,
            rfc9440: self.rfc9440.unwrap_or(otherwise.rfc9440),
            xfcc: self.xfcc.unwrap_or(otherwise.xfcc),
            managed_transform: self.managed_transform.unwrap_or(otherwise.managed_transform),
            start_trace: self.start_trace.unwrap_or(otherwise.start_trace),
            headers: self.headers.as_ref().unwrap_or(&otherwise.headers).clone(),
        }
    }
}

impl<'de> Deserialize<'de> for ForwardingChoice {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let choice = Self {
            cloudflare: table.optional("cloudflare"),
            first_request_only: table.optional("first_request_only"),
            rfc9440: table.optional("rfc9440"),
            xfcc: table.optional("xfcc"),
            managed_transform: table.optional("managed_transform"),
            start_trace: table.optional("start_trace"),
            headers: table.optional::<Headers>("headers").map(|headers| headers.0),
        };
        table.finalize(None)?;
        Ok(choice)
    }
}

impl<'de> Deserialize<'de> for Transform {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let words = [
            ("off", Self::Off),
            ("request", Self::Request),
            ("response", Self::Response),
            ("both", Self::Both),
        ];
        word(value, &words)
    }
}

/// Headers that frame or route a request, or that the gateway sets by other switches.
const NOT_FREE: [&str; 20] = [
    "authorization",
    "cf-access-jwt-assertion",
    "client-cert",
    "client-cert-chain",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// A table of headers and their templates.
struct Headers(Arc<[(HeaderName, Template)]>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let ValueInner::Table(table) = value.take() else {
            return Err(invalid("write it as a table of headers, name = \"value\"".to_owned(), span));
        };
        let (mut headers, mut errors) = (Vec::new(), Vec::new());
        for (key, mut value) in table {
            match (header(&key.name), Parsed::<Template>::deserialize(&mut value)) {
                (Ok(name), Ok(Parsed(template))) => headers.push((name, template)),
                (name, template) => {
                    errors.extend(name.err().map(|message| invalid(message, key.span)));
                    errors.extend(template.err());
                }
            }
        }
        match errors.into_iter().reduce(|mut all, more| {
            all.errors.extend(more.errors);
            all
        }) {
            Some(error) => Err(error),
            None => Ok(Self(headers.into())),
        }
    }
}

fn header(name: &str) -> Result<HeaderName, String> {
    let parsed: HeaderName = name.parse().map_err(|_| format!("`{name}` is not a header's name"))?;
    // Origins that read headers like CGI see no difference between the two.
    let normalised = parsed.as_str().replace('_', "-");
    if NOT_FREE.contains(&&*normalised) || normalised.starts_with("cf-c") {
        return Err(format!("`{name}` has a meaning of its own; choose another name, like X-Device-Name"));
    }
    Ok(parsed)
}
