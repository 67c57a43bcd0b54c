//! Tokens that count no more: of each application, those issued up to an instant.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::audience::{LONGEST_SESSION, is_aud};
use super::file::{self, FileError};

/// The name of the file in `server.state_dir`.
pub(super) const NAME: &str = "token-revocations.json";

/// Applications whose tokens can be revoked at the same time. An entry goes when the last token that it is about has
/// ended.
pub(super) const MOST: usize = 65_536;

/// What is revoked.
#[derive(Clone, Debug, Default)]
pub(super) struct Revocations {
    by_aud: BTreeMap<Box<str>, Revocation>,
    /// How many revocations there were in this process.
    pub(super) revision: u64,
}

/// What is revoked of one application.
#[derive(Clone, Copy, Debug)]
struct Revocation {
    /// In seconds since the epoch: tokens from then and before count no more.
    at: u64,
    /// The revision that it came with.
    revision: u64,
}

/// An application whose tokens were revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Its AUD tag.
    pub aud: Box<str>,
    /// Tokens that were issued then or before count no more. Seconds since the epoch.
    pub at: u64,
}

/// Why tokens are not revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// No application can have that AUD tag.
    #[error("not an AUD tag: 1 to 128 letters, digits, hyphens, dots or underscores")]
    Aud,
    /// So many are revoked already.
    #[error("tokens of {MOST} applications are revoked; the oldest goes a month after it was revoked")]
    Full,
}

#[derive(Serialize, Deserialize)]
struct Content {
    revoked: Vec<Revoked>,
}

impl Revocations {
    /// What the file says; nothing where there is none.
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        let Content { revoked } = file::read(path)?.unwrap_or(Content { revoked: Vec::new() });
        let by_aud = revoked.into_iter().map(|Revoked { aud, at }| (aud, Revocation { at, revision: 0 }));
        Ok(Self { by_aud: by_aud.collect(), revision: 0 })
    }

    /// Replaces the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), FileError> {
        file::write(path, &Content { revoked: self.list() })
    }

    /// Everything that is revoked, by AUD tag.
    pub(super) fn list(&self) -> Vec<Revoked> {
        self.by_aud.iter().map(|(aud, revocation)| Revoked { aud: aud.clone(), at: revocation.at }).collect()
    }

    /// The same with the tokens of `aud` revoked at `now`, and without what is about ended tokens only.
    pub(super) fn with(&self, aud: &str, now: u64) -> Result<Self, RevokeError> {
        if !is_aud(aud) {
            return Err(RevokeError::Aud);
        }
        let mut by_aud = self.by_aud.clone();
        by_aud.retain(|_, revocation| now <= revocation.at.saturating_add(LONGEST_SESSION.as_secs()));
        if by_aud.len() >= MOST && !by_aud.contains_key(aud) {
            return Err(RevokeError::Full);
        }
        let revision = self.revision + 1;
        by_aud.insert(aud.into(), Revocation { at: now, revision });
        Ok(Self { by_aud, revision })
    }

    /// Whether a token of `aud` from `iat` counts no more.
    pub(super) fn covers(&self, aud: &str, iat: u64) -> bool {
        self.by_aud.get(aud).is_some_and(|revocation| iat <= revocation.at)
    }

    /// Whether a token of `aud` from `iat`, made after the revocation with this revision, may be sent out at `now`. Those
    /// that were made after a revocation and within the same second cannot be told from those before it by anybody else:
    /// they do for the rest of that second, and then there are new ones.
    pub(super) fn lets_out(&self, aud: &str, iat: u64, revision: u64, now: u64) -> bool {
        self.by_aud.get(aud).is_none_or(|revocation| {
            iat > revocation.at || (revision >= revocation.revision && now <= revocation.at)
        })
    }
}
