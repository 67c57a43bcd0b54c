//! A token that was issued, ready to go out.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderValue};

use super::audience::Audience;
use super::claims::Claims;
use super::cookie::{self, CookieAttributes};
use super::key::{KeyError, SigningKey};
use super::revoked::Revocations;
use super::subject::Subject;

/// A token is replaced after half of its life, and after a day at the latest.
const LONGEST_USE: u64 = 24 * 60 * 60;

/// A token that was issued, ready to go out. It is shared: cloning its headers copies nothing.
#[derive(Debug)]
pub struct Token {
    /// `Cf-Access-Jwt-Assertion`, for the origin.
    pub assertion: HeaderValue,
    /// `Set-Cookie`, for the device.
    pub set_cookie: HeaderValue,
    /// When it was issued, in seconds since the epoch.
    pub issued: u64,
    /// When it ends, in seconds since the epoch.
    pub expires: u64,
    /// When it is replaced, in seconds since the epoch.
    due: u64,
    pub(super) aud: Arc<str>,
    kid: Arc<str>,
    /// How many revocations there were when it was made.
    revision: u64,
}

/// What is to be signed: everything that is needed of a request and an application, so that another thread can do it.
pub(super) struct Order {
    payload: Vec<u8>,
    issued: u64,
    expires: u64,
    aud: Arc<str>,
    cookie: CookieAttributes,
    revision: u64,
}

impl Order {
    pub(super) fn new(subject: &Subject<'_>, audience: &Audience, now: u64, revision: u64) -> Option<Self> {
        let claims = Claims::new(subject, audience, now);
        Some(Self {
            payload: serde_json::to_vec(&claims).ok()?,
            issued: claims.iat,
            expires: claims.exp,
            aud: audience.shared_aud(),
            cookie: audience.cookie().clone(),
            revision,
        })
    }

    /// Signs. Never on a worker.
    pub(super) fn sign(self, key: &SigningKey) -> Result<Token, KeyError> {
        let Self { payload, issued, expires, aud, cookie, revision } = self;
        let text = key.sign(&payload)?;
        let set_cookie = cookie.set(&text, expires).map_err(|_| KeyError::Private)?;
        let mut assertion = HeaderValue::try_from(text).map_err(|_| KeyError::Private)?;
        assertion.set_sensitive(true);
        // The first clone makes room for a counter; no request should.
        drop((assertion.clone(), set_cookie.clone()));
        let use_for = (expires.saturating_sub(issued) / 2).min(LONGEST_USE);
        let kid = Arc::clone(&key.public.kid);
        Ok(Token { assertion, set_cookie, issued, expires, due: issued + use_for, aud, kid, revision })
    }
}

impl Token {
    /// Whether it can still go out at `now`, signed by the key that signs and not revoked.
    pub(super) fn is_fit(&self, key: &SigningKey, revoked: &Revocations, now: u64) -> bool {
        // A clock that was set back makes a token from the future.
        (self.issued..self.due).contains(&now)
            && self.kid == key.public.kid
            && revoked.lets_out(&self.aud, self.issued, self.revision, now)
    }

    /// Whether a request brings this very token: then it need not be set again.
    pub fn is_presented(&self, headers: &HeaderMap) -> bool {
        cookie::presented(headers).any(|value| value.as_bytes() == self.assertion.as_bytes())
    }
}
