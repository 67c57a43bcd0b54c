//! Keys come and go: on time, on command, and when the process starts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::key::SigningKey;
use super::keys::{KeySet, Retired};
use super::{Tokens, TokensError, keys_file};
use crate::device::refusal;

/// How long a rotation that failed, and the clock, are left alone at most.
const LOOK: Duration = Duration::from_mins(10);

/// The keys, for operators. Never the keys themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeysStatus {
    /// The key that signs, and the one before it while its tokens count.
    pub keys: Vec<KeyStatus>,
    /// When the key that signs is replaced, in seconds since the epoch.
    pub next_rotation: u64,
    /// Whether keys and revocations outlive the process.
    pub kept: bool,
}

/// A key, for operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyStatus {
    /// Its id in tokens and in the key set.
    pub kid: String,
    /// Whether it signs.
    pub signs: bool,
    /// When it was made, in seconds since the epoch.
    pub created: u64,
    /// When its tokens stop counting, in seconds since the epoch; none while it signs.
    pub until: Option<u64>,
}

/// The first key.
pub(super) fn first(file: Option<&Path>, now: u64) -> Result<KeySet, TokensError> {
    let (current, private_key) = SigningKey::generate(now)?;
    let keys = KeySet::new(current, None, now);
    if let Some(file) = file {
        keys_file::write(file, &keys, private_key)?;
    }
    Ok(keys)
}

impl Tokens {
    /// Makes a new key, which signs from now on; tokens of the one before count for another week, and those of the one
    /// before that no more. This takes a tenth of a second or more: never on a worker.
    ///
    /// # Errors
    /// The key cannot be made or kept; the one before signs on.
    pub fn rotate(&self, now: u64) -> Result<(), TokensError> {
        let _changing = self.changing();
        self.rotate_alone(now)
    }

    /// Rotates when that is due at `now`.
    ///
    /// # Errors
    /// As [`Self::rotate`].
    pub fn rotate_when_due(&self, now: u64) -> Result<(), TokensError> {
        let _changing = self.changing();
        if now < self.next_rotation() {
            return Ok(());
        }
        self.rotate_alone(now)
    }

    /// While nobody else changes keys.
    fn rotate_alone(&self, now: u64) -> Result<(), TokensError> {
        let keys = self.rotated(now).inspect_err(|_| {
            self.rotation_failures.fetch_add(1, Ordering::Relaxed);
        })?;
        tracing::info!(kid = &*keys.current.public.kid, "a new key signs application tokens");
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    fn rotated(&self, now: u64) -> Result<KeySet, TokensError> {
        let (current, private_key) = SigningKey::generate(now)?;
        let public = self.keys.load().current.public.clone();
        let keys = KeySet::new(current, Some(Retired { public, at: now }), now);
        if let Some(file) = self.path(keys_file::NAME) {
            keys_file::write(&file, &keys, private_key)?;
        }
        Ok(keys)
    }

    /// The keys, as of `now`.
    pub fn keys(&self, now: u64) -> KeysStatus {
        let keys = self.keys.load();
        let current = &keys.current.public;
        let signs =
            KeyStatus { kid: current.kid.to_string(), signs: true, created: current.created, until: None };
        let previous =
            keys.previous.iter().filter(|retired| retired.is_honoured(now)).map(|retired| KeyStatus {
                kid: retired.public.kid.to_string(),
                signs: false,
                created: retired.public.created,
                until: Some(retired.until()),
            });
        KeysStatus {
            keys: [signs].into_iter().chain(previous).collect(),
            next_rotation: self.next_rotation(),
            kept: self.is_kept(),
        }
    }

    /// Looks after the keys as long as the future lives. Keys are made on the blocking pool.
    pub async fn look_after(self: Arc<Self>) {
        loop {
            let tokens = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || tokens.rotate_when_due(refusal::now())).await;
            if let Ok(Err(error)) = looked {
                tracing::error!(%error, "no new key for application tokens; the one before signs on");
            }
            let until_due = Duration::from_secs(self.next_rotation().saturating_sub(refusal::now()));
            let pause = if until_due.is_zero() { LOOK } else { until_due.min(LOOK) };
            tokio::time::sleep(pause).await;
        }
    }

    fn next_rotation(&self) -> u64 {
        let created = self.keys.load().current.public.created;
        created.saturating_add(self.key_rotation.load(Ordering::Relaxed))
    }
}
