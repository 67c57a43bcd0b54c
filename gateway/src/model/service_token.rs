//! Service tokens: a client id and a secret, of which only the hash is known.

use std::fmt;
use std::str::FromStr;

use super::hex::{self, Lower};
use super::id::ResourceId;

/// A secret that programs show instead of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceToken {
    /// Its id.
    pub id: ResourceId,
    /// What the operator calls it.
    pub name: Box<str>,
    /// What is sent as `CF-Access-Client-Id`.
    pub client_id: Box<str>,
    /// SHA-256 of what is sent as `CF-Access-Client-Secret`.
    pub secret: SecretHash,
    /// When it ends. Seconds since the epoch.
    pub expires_at: Option<u64>,
}

impl ServiceToken {
    /// Whether it counts at `now`, in seconds since the epoch.
    pub fn is_live(&self, now: u64) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// SHA-256 of a secret. The secret is long and random: nothing is gained by salt or work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash(pub [u8; 32]);

/// The text is no SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256: 64 hexadecimal digits, as `printf %s \"$SECRET\" | sha256sum` prints")]
pub struct NotAHash;

impl FromStr for SecretHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        hex::parse_digest(text).map(Self).ok_or(NotAHash)
    }
}

impl fmt::Debug for SecretHash {
    /// Its beginning only: enough to tell two apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({}…)", Lower(self.0.get(..4).unwrap_or_default()))
    }
}
