//! Application tokens: RS256 JSON Web Tokens, as Cloudflare Access documents them.
//!
//! A permitted request goes to its origin with a token in `Cf-Access-Jwt-Assertion`, and the device gets the same one in
//! the cookie `CF_Authorization`. Signing takes a quarter of a millisecond, so it is done on a blocking pool, once for each
//! device, application and key; the token is used again until half of its life is over. Origins check it with the keys at
//! `/cdn-cgi/access/certs`.
//!
//! A token says who was permitted. It permits nothing: rules ask for the certificate with each request.

mod audience;
mod cache;
mod certificate;
mod claims;
mod cookie;
mod file;
mod issued;
mod key;
mod keys;
mod keys_file;
pub mod respond;
mod revoked;
mod rotation;
mod subject;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderMap;
use tokio::sync::Semaphore;

pub use audience::{Audience, AudienceError, LONGEST_SESSION, SHORTEST_SESSION};
pub use cookie::{CookieAttributes, NAME as COOKIE, SameSite};
pub use file::FileError;
pub use issued::Token;
pub use key::KeyError;
pub use revoked::{RevokeError, Revoked};
pub use rotation::{KeyStatus, KeysStatus};
pub use subject::Subject;
pub use verify::{Holder, TokenError};

use cache::{Found, Key, TokenCache};
use issued::Order;
use keys::KeySet;
use revoked::Revocations;

/// Tokens of a request that are looked at: it can bring one for each path, and no more are worth the work.
const MAX_PRESENTED: usize = 4;

/// How keys and tokens are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where keys and revocations outlive the process; without it they don't.
    pub state_dir: Option<PathBuf>,
    /// How long a key signs.
    pub key_rotation: Duration,
    /// Tokens that are kept at most, to be used again.
    pub cache: u32,
    /// Signatures that are made at the same time, so that workers keep the cores.
    pub signers: usize,
}

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// What is kept in `server.state_dir`.
    #[error(transparent)]
    File(#[from] FileError),
    /// A new key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A token could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an application token could not be signed")]
pub struct SigningError;

/// What was done so far, and how full the cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Tokens that were signed.
    pub issued: u64,
    /// Tokens that could not be.
    pub signing_failures: u64,
    /// Rotations that failed; the key before them signs on.
    pub rotation_failures: u64,
    /// Tokens that are kept.
    pub entries: u64,
    /// Tokens that are kept at most.
    pub capacity: u64,
    /// Tokens that made room for others.
    pub evictions: u64,
    /// When the key that signs was made, in seconds since the epoch.
    pub key_created: u64,
}

/// Issues tokens, and knows them again.
#[derive(Debug)]
pub struct Tokens {
    keys: ArcSwap<KeySet>,
    revoked: ArcSwap<Revocations>,
    cache: TokenCache,
    signers: Arc<Semaphore>,
    state_dir: Option<PathBuf>,
    /// How long a key signs, in seconds.
    key_rotation: AtomicU64,
    /// Held while keys or revocations change, and are written: one after the other.
    changing: Mutex<()>,
    issued: AtomicU64,
    signing_failures: AtomicU64,
    rotation_failures: AtomicU64,
}

/// Reads what is kept in `state_dir`, and changes nothing.
///
/// # Errors
/// What would keep a gateway from starting.
pub fn check(state_dir: &Path, now: u64) -> Result<(), FileError> {
    keys_file::read(&state_dir.join(keys_file::NAME), now)?;
    Revocations::read(&state_dir.join(revoked::NAME)).map(drop)
}

impl Tokens {
    /// Reads keys and revocations that were kept, or makes a key. The latter takes a tenth of a second or more.
    ///
    /// # Errors
    /// What was kept is damaged, or a new key cannot be made or kept.
    pub fn open(settings: Settings, now: u64) -> Result<Self, TokensError> {
        let Settings { state_dir, key_rotation, cache, signers } = settings;
        let path = |name| state_dir.as_deref().map(|folder| folder.join(name));
        let file = path(keys_file::NAME);
        let found = file.as_deref().map(|file| keys_file::read(file, now)).transpose()?.flatten();
        let keys = match found {
            Some(keys) => keys,
            None => rotation::first(file.as_deref(), now)?,
        };
        let revoked = path(revoked::NAME).map(|file| Revocations::read(&file)).transpose()?;
        Ok(Self {
            keys: ArcSwap::from_pointee(keys),
            revoked: ArcSwap::from_pointee(revoked.unwrap_or_default()),
            cache: TokenCache::new(cache),
            signers: Arc::new(Semaphore::new(signers.max(1))),
            state_dir,
            key_rotation: AtomicU64::new(key_rotation.as_secs()),
            changing: Mutex::default(),
            issued: AtomicU64::new(0),
            signing_failures: AtomicU64::new(0),
            rotation_failures: AtomicU64::new(0),
        })
    }

    /// The token of `subject` for `audience` at `now`: the one that was issued before, while it is fit, else a new one. Only
    /// a new one waits. Whoever asks for it meanwhile waits for the same one.
    ///
    /// # Errors
    /// It could not be signed.
    pub async fn issue(
        &self,
        subject: &Subject<'_>,
        audience: &Audience,
        now: u64,
    ) -> Result<Arc<Token>, SigningError> {
        let key = Key::new(subject, audience);
        let is_fit = |token: &Token| token.is_fit(&self.keys.load().current, &self.revoked.load(), now);
        if let Some(token) = self.cache.get(&key, is_fit) {
            return Ok(token);
        }
        match self.cache.find(&key, is_fit).await {
            Found::Token(token) => Ok(token),
            Found::Place(place) => {
                let signed = self.sign(subject, audience, now).await;
                let counter = if signed.is_ok() { &self.issued } else { &self.signing_failures };
                counter.fetch_add(1, Ordering::Relaxed);
                let token = Arc::new(signed?);
                place.take(Arc::clone(&token));
                Ok(token)
            }
        }
    }

    /// Whose token `token` is, if it is one of ours for one of `audiences` and still counts. Good for display, never for a
    /// permit: a token can be copied.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify(&self, token: &str, audiences: &[&Audience], now: u64) -> Result<Holder, TokenError> {
        verify::verify(token, audiences, &self.keys.load(), &self.revoked.load(), now)
    }

    /// Whose token a request brings in a cookie, if one of the first few counts. Good for display, never for a permit.
    pub fn holder(&self, headers: &HeaderMap, audiences: &[&Audience], now: u64) -> Option<Holder> {
        let mut presented = cookie::presented(headers).take(MAX_PRESENTED);
        presented.find_map(|token| self.verify(token, audiences, now).ok())
    }

    /// Has the next request of `subject` for `audience` get a new token.
    pub fn forget(&self, subject: &Subject<'_>, audience: &Audience) {
        self.cache.forget_one(&Key::new(subject, audience));
    }

    /// Revokes all tokens of an application that were issued up to `now`, at once; gives the number of those that would have
    /// been used again. The inner error says that it is in force, and lost with the process.
    ///
    /// # Errors
    /// `aud` is no AUD tag, or too many are revoked.
    pub fn revoke(&self, aud: &str, now: u64) -> Result<(usize, Result<(), FileError>), RevokeError> {
        let _changing = self.changing();
        let revoked = self.revoked.load().with(aud, now)?;
        let file = self.path(revoked::NAME);
        // In force before it is kept: a disk may be slow.
        self.revoked.store(Arc::new(revoked));
        let forgotten = self.cache.forget(aud);
        let written = file.map_or(Ok(()), |file| self.revoked.load().write(&file));
        Ok((forgotten, written))
    }

    /// Has keys sign for `key_rotation` each, and at most `cache` tokens be kept.
    pub fn configure(&self, key_rotation: Duration, cache: u32) {
        self.key_rotation.store(key_rotation.as_secs(), Ordering::Relaxed);
        self.cache.set_capacity(cache);
    }

    /// What is revoked, by AUD tag.
    pub fn revoked(&self) -> Vec<Revoked> {
        self.revoked.load().list()
    }

    /// Whether keys and revocations outlive the process.
    pub fn is_kept(&self) -> bool {
        self.state_dir.is_some()
    }

    /// What was done so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            issued: self.issued.load(Ordering::Relaxed),
            signing_failures: self.signing_failures.load(Ordering::Relaxed),
            rotation_failures: self.rotation_failures.load(Ordering::Relaxed),
            entries: self.cache.len(),
            capacity: self.cache.capacity(),
            evictions: self.cache.evictions(),
            key_created: self.keys.load().current.public.created,
        }
    }

    async fn sign(
        &self,
        subject: &Subject<'_>,
        audience: &Audience,
        now: u64,
    ) -> Result<Token, SigningError> {
        let permit = Arc::clone(&self.signers).acquire_owned().await.map_err(|_| SigningError)?;
        let order = Order::new(subject, audience, now, self.revoked.load().revision).ok_or(SigningError)?;
        let keys = self.keys.load_full();
        let signing = tokio::task::spawn_blocking(move || {
            // Given back when it is done, also when nobody waits any more.
            let _permit = permit;
            order.sign(&keys.current)
        });
        match signing.await {
            Ok(Ok(token)) => Ok(token),
            Ok(Err(_)) | Err(_) => Err(SigningError),
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.state_dir.as_deref().map(|folder| folder.join(name))
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests;
