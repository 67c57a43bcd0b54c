//! Service tokens that a request may show.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::{constant_time, digest};

use super::directory::{Directory, Named};
use crate::model::id::{Reference, ResourceId};
use crate::model::service_token::ServiceToken;

/// Every service token.
#[derive(Debug, Default)]
pub struct ServiceTokens {
    by_client_id: HashMap<Box<str>, Arc<ServiceToken>>,
    ids: Directory<ResourceId>,
}

/// What a request shows of service tokens.
#[derive(Clone, Copy, Debug)]
pub enum Presented<'a> {
    /// None.
    Nothing,
    /// One that does not count: unknown, with another secret, or past its end.
    Invalid,
    /// One that counts.
    Valid(&'a Arc<ServiceToken>),
}

impl ServiceTokens {
    /// All of `tokens`.
    pub fn new(tokens: impl IntoIterator<Item = ServiceToken>) -> Self {
        let mut all = Self::default();
        for token in tokens {
            all.ids.push(Named { id: token.id, name: token.name.clone(), value: token.id });
            all.by_client_id.insert(token.client_id.clone(), Arc::new(token));
        }
        all
    }

    /// The id of the token that `reference` means: by its id, its name or, since that is what people have at hand, its client
    /// id.
    pub fn meant(&self, reference: &Reference) -> Option<ResourceId> {
        let by_client_id = || match reference {
            Reference::Name(client_id) => self.get(client_id).map(|token| token.id),
            Reference::Id(_) => None,
        };
        self.ids.find(reference).copied().or_else(by_client_id)
    }

    /// The one with this client id.
    pub fn get(&self, client_id: &str) -> Option<&ServiceToken> {
        self.by_client_id.get(client_id).map(Arc::as_ref)
    }

    /// All tokens, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ServiceToken>> {
        self.by_client_id.values()
    }

    /// What the values of `CF-Access-Client-Id` and `CF-Access-Client-Secret` are worth at `now`, in seconds since the
    /// epoch. One without the other is worth nothing.
    pub fn present(&self, client_id: Option<&[u8]>, secret: Option<&[u8]>, now: u64) -> Presented<'_> {
        let (client_id, secret) = match (client_id, secret) {
            (None, None) => return Presented::Nothing,
            (Some(client_id), Some(secret)) => (client_id, secret),
            _ => return Presented::Invalid,
        };
        let token =
            std::str::from_utf8(client_id).ok().and_then(|client_id| self.by_client_id.get(client_id));
        let hash = digest::digest(&digest::SHA256, secret);
        let is_it = |token: &&Arc<ServiceToken>| {
            constant_time::verify_slices_are_equal(hash.as_ref(), &token.secret.0).is_ok()
                && token.is_live(now)
        };
        token.filter(is_it).map_or(Presented::Invalid, Presented::Valid)
    }

    /// What a token that counted before is worth now: it may have another secret, or be gone.
    pub fn present_again(&self, before: &ServiceToken, now: u64) -> Presented<'_> {
        let token = self.by_client_id.get(&before.client_id);
        let same = |token: &&Arc<ServiceToken>| {
            token.id == before.id && token.secret == before.secret && token.is_live(now)
        };
        token.filter(same).map_or(Presented::Invalid, Presented::Valid)
    }
}

impl<'a> Presented<'a> {
    /// The token, if it counts.
    pub fn valid(self) -> Option<&'a Arc<ServiceToken>> {
        match self {
            Self::Valid(token) => Some(token),
            Self::Nothing | Self::Invalid => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::ResourceId;
    use crate::model::service_token::SecretHash;

    fn token(secret: &[u8], expires_at: Option<u64>) -> ServiceToken {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
        ServiceToken {
            id: ResourceId::derived("service_token", "ci"),
            name: "ci".into(),
            client_id: "ci.access".into(),
            secret: SecretHash(hash),
            expires_at,
        }
    }

    fn worth(tokens: &ServiceTokens, id: Option<&str>, secret: Option<&str>, now: u64) -> &'static str {
        match tokens.present(id.map(str::as_bytes), secret.map(str::as_bytes), now) {
            Presented::Nothing => "nothing",
            Presented::Invalid => "invalid",
            Presented::Valid(_) => "valid",
        }
    }

    #[test]
    fn a_token_counts_with_its_own_secret_until_its_end() {
        let tokens = ServiceTokens::new([token(b"secret", Some(100))]);
        let id = Some("ci.access");
        assert_eq!(worth(&tokens, id, Some("secret"), 99), "valid");
        assert_eq!(worth(&tokens, id, Some("secret"), 100), "invalid");
        for (id, secret) in [
            (id, Some("other")),
            (id, Some("")),
            (id, None),
            (None, Some("secret")),
            (Some("other"), Some("secret")),
            (Some("CI.access"), Some("secret")),
        ] {
            assert_eq!(worth(&tokens, id, secret, 1), "invalid", "{id:?} {secret:?}");
        }
        assert_eq!(worth(&tokens, None, None, 1), "nothing");
    }

    #[test]
    fn a_token_that_was_shown_is_worth_nothing_with_another_secret_or_gone() {
        let before = token(b"secret", None);
        let again = |tokens: &ServiceTokens| tokens.present_again(&before, 1).valid().is_some();
        assert!(again(&ServiceTokens::new([token(b"secret", Some(2))])));
        assert!(!again(&ServiceTokens::new([token(b"rotated", None)])));
        assert!(!again(&ServiceTokens::new([token(b"secret", Some(1))])));
        assert!(!again(&ServiceTokens::new([])));
    }
}
