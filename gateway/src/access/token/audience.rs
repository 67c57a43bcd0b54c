//! For whom tokens are: an application, as far as its tokens go.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use super::cookie::CookieAttributes;
use crate::model::issuer::Issuer;

/// Tokens live this long at most, whatever an application says: "up to one month" of the documents.
pub const LONGEST_SESSION: Duration = Duration::from_hours(24 * 31);
/// And this long at least: an origin has to have the time to look at one.
pub const SHORTEST_SESSION: Duration = Duration::from_mins(1);

/// Bytes of an AUD tag at most.
const MAX_AUD: usize = 128;

/// An application as its tokens know it. Made once for each snapshot.
#[derive(Debug)]
pub struct Audience {
    aud: Arc<str>,
    issuer: Issuer,
    session: Duration,
    cookie: CookieAttributes,
    /// Of all of that: tokens made for other settings are not found under it.
    id: AudienceId,
}

/// SHA-256 of everything that an application's tokens and cookies depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AudienceId([u8; 32]);

/// Why an application can have no tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudienceError {
    /// Its AUD tag.
    #[error("an AUD tag has 1 to {MAX_AUD} letters, digits, hyphens, dots or underscores")]
    Aud,
    /// The path of its cookie.
    #[error("a cookie's path begins with a slash and has visible ASCII characters without `;` only")]
    Path,
}

/// Whether `text` can be an AUD tag: it goes into files, URLs and logs as it is.
pub(super) fn is_aud(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=MAX_AUD).contains(&text.len()) && text.bytes().all(is_fit)
}

impl Audience {
    /// The application with this AUD tag, whose tokens say that `issuer` issued them and live for `session`, brought into
    /// the bounds of [`SHORTEST_SESSION`] and [`LONGEST_SESSION`].
    ///
    /// # Errors
    /// [`AudienceError`]
    pub fn new(
        aud: &str,
        issuer: Issuer,
        session: Duration,
        cookie: CookieAttributes,
    ) -> Result<Self, AudienceError> {
        if !is_aud(aud) {
            return Err(AudienceError::Aud);
        }
        if !cookie.is_writable() {
            return Err(AudienceError::Path);
        }
        let session = session.clamp(SHORTEST_SESSION, LONGEST_SESSION);
        let id = identify(aud, &issuer, session, &cookie);
        Ok(Self { aud: aud.into(), issuer, session, cookie, id })
    }

    /// The AUD tag.
    pub fn aud(&self) -> &str {
        &self.aud
    }

    /// Who issues its tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// How long its tokens live.
    pub fn session(&self) -> Duration {
        self.session
    }

    /// How its cookie is set.
    pub fn cookie(&self) -> &CookieAttributes {
        &self.cookie
    }

    pub(super) fn shared_aud(&self) -> Arc<str> {
        Arc::clone(&self.aud)
    }

    pub(super) fn id(&self) -> AudienceId {
        self.id
    }
}

fn identify(aud: &str, issuer: &Issuer, session: Duration, cookie: &CookieAttributes) -> AudienceId {
    let mut hash = Context::new(&SHA256);
    for part in [aud, issuer.as_str(), &cookie.to_string()] {
        // Each with its length: no two lists of parts make one text.
        hash.update(&part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(&session.as_secs().to_le_bytes());
    let mut id = [0; 32];
    id.copy_from_slice(hash.finish().as_ref());
    AudienceId(id)
}
