//! Is a token that somebody presents one of ours, for this application, and does it still count?
//!
//! What is good here says who the token was issued to, for display. It permits nothing: a token can be copied, and the
//! rules ask for the certificate, whose key cannot.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::audience::Audience;
use super::claims::Presented;
use super::keys::KeySet;
use super::revoked::Revocations;

/// Octets of a token at most. Ours have about a thousand.
const MAX_TOKEN: usize = 8192;

/// How far another clock of ours, before a restart perhaps, may have been ahead. Seconds.
const LEEWAY: u64 = 60;

/// Whose token it is. For display: see the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The claim `common_name`; empty where the token names nobody.
    pub common_name: String,
    /// The AUD tag of the application that the token is for.
    pub aud: String,
    /// When it was issued, in seconds since the epoch.
    pub issued: u64,
    /// When it ends, in seconds since the epoch.
    pub expires: u64,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It says another algorithm than RS256, or asks for something else that we don't do.
    #[error("not signed with RS256")]
    Algorithm,
    /// It has ended.
    #[error("expired")]
    Expired,
    /// It is from the future.
    #[error("issued in the future")]
    Future,
    /// Somebody else says to have issued it.
    #[error("of another issuer")]
    Issuer,
    /// It is not a token at all.
    #[error("not a token")]
    Malformed,
    /// It is for another application.
    #[error("for another application")]
    OtherAudience,
    /// It was revoked with all of its application's.
    #[error("revoked")]
    Revoked,
    /// The key with its id did not sign it.
    #[error("the signature is wrong")]
    Signature,
    /// No key has its id, or not any more.
    #[error("signed with an unknown key")]
    UnknownKey,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, 4.1.11): we understand none.
    crit: Option<serde_json::Value>,
}

/// Looks at a token for one of `audiences`. The claims are not even parsed before the signature is good.
pub(super) fn verify(
    token: &str,
    audiences: &[&Audience],
    keys: &KeySet,
    revoked: &Revocations,
    now: u64,
) -> Result<Holder, TokenError> {
    let claims = opened(token, keys, now)?;
    if !claims.is_app() {
        return Err(TokenError::Malformed);
    }
    let audience =
        audiences.iter().find(|audience| claims.is_for(audience.aud())).ok_or(TokenError::OtherAudience)?;
    if claims.iss != audience.issuer().as_str() {
        return Err(TokenError::Issuer);
    }
    if claims.exp <= now {
        return Err(TokenError::Expired);
    }
    if claims.iat > now.saturating_add(LEEWAY) {
        return Err(TokenError::Future);
    }
    if revoked.covers(audience.aud(), claims.iat) {
        return Err(TokenError::Revoked);
    }
    let Presented { common_name, iat: issued, exp: expires, .. } = claims;
    Ok(Holder { common_name, aud: audience.aud().to_owned(), issued, expires })
}

/// The claims of a token that one of `keys` signed.
fn opened(token: &str, keys: &KeySet, now: u64) -> Result<Presented, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
    let header: Header = parse(header)?;
    // The algorithm is ours, whatever the token says. Saying another is enough to be refused.
    if header.alg != "RS256" || header.crit.is_some() {
        return Err(TokenError::Algorithm);
    }
    let key = header.kid.and_then(|kid| keys.find(&kid, now)).ok_or(TokenError::UnknownKey)?;
    if !key.verifies(message.as_bytes(), &decode(signature)?) {
        return Err(TokenError::Signature);
    }
    parse(payload)
}

fn parse<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    serde_json::from_slice(&decode(part)?).map_err(|_| TokenError::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}
