//! What a token says: the payload as Cloudflare documents it for logins without an identity provider.

use serde::{Deserialize, Serialize};

use super::audience::Audience;
use super::subject::Subject;

/// The kind of token: of an application.
const APP: &str = "app";

/// The payload of a token that is to be signed.
#[derive(Debug, Serialize)]
pub(super) struct Claims<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    aud: [&'a str; 1],
    pub(super) exp: u64,
    iss: &'a str,
    common_name: &'a str,
    pub(super) iat: u64,
    /// Empty: there is no user behind a device.
    sub: &'static str,
}

impl<'a> Claims<'a> {
    /// What a token says that is issued at `now`. It lives no longer than its subject.
    pub(super) fn new(subject: &Subject<'a>, audience: &'a Audience, now: u64) -> Self {
        let exp = now.saturating_add(audience.session().as_secs()).min(subject.until);
        Self {
            kind: APP,
            aud: [audience.aud()],
            exp,
            iss: audience.issuer().as_str(),
            common_name: subject.common_name,
            iat: now,
            sub: "",
        }
    }
}

/// The payload of a token whose signature was good.
#[derive(Debug, Deserialize)]
pub(super) struct Presented {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) aud: Audiences,
    pub(super) exp: u64,
    pub(super) iss: String,
    pub(super) common_name: String,
    pub(super) iat: u64,
}

/// The claim `aud`: a list, or a single one (RFC 7519, 4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Audiences {
    Many(Vec<String>),
    One(String),
}

impl Presented {
    /// Whether it is a token of an application.
    pub(super) fn is_app(&self) -> bool {
        self.kind == APP
    }

    /// Whether it is for `aud`.
    pub(super) fn is_for(&self, aud: &str) -> bool {
        match &self.aud {
            Audiences::Many(many) => many.iter().any(|one| one == aud),
            Audiences::One(one) => one == aud,
        }
    }
}
