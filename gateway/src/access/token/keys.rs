//! The keys in force: one that signs, and the one before it, whose tokens still count for a while.

use std::time::Duration;

use hyper::body::Bytes;
use serde_json::json;

use super::key::{PublicKey, SigningKey};

/// How long tokens of the key before count after a rotation: as documented for Cloudflare Access.
pub(super) const HONOURED: Duration = Duration::from_hours(24 * 7);

/// The keys in force.
#[derive(Debug)]
pub(super) struct KeySet {
    pub(super) current: SigningKey,
    pub(super) previous: Option<Retired>,
    /// The JSON Web Key Set while tokens of the key before count.
    both: Bytes,
    /// And when they don't.
    alone: Bytes,
}

/// A key that signs no more. Its private half is gone.
#[derive(Debug)]
pub(super) struct Retired {
    pub(super) public: PublicKey,
    /// When its successor came, in seconds since the epoch.
    pub(super) at: u64,
}

impl Retired {
    /// When its tokens stop counting, in seconds since the epoch.
    pub(super) fn until(&self) -> u64 {
        self.at.saturating_add(HONOURED.as_secs())
    }

    pub(super) fn is_honoured(&self, now: u64) -> bool {
        now < self.until()
    }
}

impl KeySet {
    /// `current`, and `previous` if its tokens count at `now`.
    pub(super) fn new(current: SigningKey, previous: Option<Retired>, now: u64) -> Self {
        let previous = previous.filter(|retired| retired.is_honoured(now));
        let both = jwks(&current.public, previous.as_ref().map(|retired| &retired.public));
        let alone = jwks(&current.public, None);
        Self { current, previous, both, alone }
    }

    /// The JSON Web Key Set at `now`.
    pub(super) fn jwks(&self, now: u64) -> Bytes {
        let is_honoured = self.previous.as_ref().is_some_and(|retired| retired.is_honoured(now));
        if is_honoured { self.both.clone() } else { self.alone.clone() }
    }

    /// The key with this id, if its tokens count at `now`.
    pub(super) fn find(&self, kid: &str, now: u64) -> Option<&PublicKey> {
        let previous = self.previous.as_ref().filter(|retired| retired.is_honoured(now));
        [Some(&self.current.public), previous.map(|retired| &retired.public)]
            .into_iter()
            .flatten()
            .find(|key| &*key.kid == kid)
    }
}

/// `keys` for programs, and the same in PEM: `public_cert` has the key that signs.
fn jwks(current: &PublicKey, previous: Option<&PublicKey>) -> Bytes {
    let all = || [Some(current), previous].into_iter().flatten();
    let key = |key: &PublicKey| {
        json!({
            "kid": &*key.kid, "kty": "RSA", "alg": "RS256", "use": "sig",
            "e": &*key.exponent, "n": &*key.modulus,
        })
    };
    let certificate = |key: &PublicKey| json!({ "kid": &*key.kid, "cert": &*key.certificate });
    let set = json!({
        "keys": all().map(key).collect::<Vec<_>>(),
        "public_cert": certificate(current),
        "public_certs": all().map(certificate).collect::<Vec<_>>(),
    });
    set.to_string().into()
}
