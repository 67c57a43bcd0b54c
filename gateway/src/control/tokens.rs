//! Application tokens, as operators see them.

use serde::Serialize;

use super::{Control, now};
use crate::access::token::{KeysStatus, RevokeError, Revoked, Statistics, TokensError};

/// The keys, and what is revoked. Never a key itself.
#[derive(Debug, Serialize)]
pub struct TokenKeys {
    /// The keys.
    #[serde(flatten)]
    pub keys: KeysStatus,
    /// Applications whose tokens were revoked.
    pub revoked: Vec<Revoked>,
}

/// What became of a revocation. It is in force in any case.
#[derive(Debug, Serialize)]
pub struct RevokedChange {
    /// The application's AUD tag.
    pub aud: String,
    /// Tokens that were issued then or before count no more. Seconds since the epoch.
    pub at: u64,
    /// Tokens that would have been used again.
    pub forgotten: usize,
    /// Whether a restart will find it so.
    pub kept: bool,
    /// Why not.
    pub problem: Option<String>,
    /// Whether that is a failure, and not a gateway that keeps nothing.
    #[serde(skip)]
    pub failed: bool,
}

impl Control {
    /// The keys that sign application tokens, and what is revoked.
    pub fn token_keys(&self) -> TokenKeys {
        let tokens = &self.shared.tokens;
        TokenKeys { keys: tokens.keys(now()), revoked: tokens.revoked() }
    }

    /// Has a new key sign application tokens from now on. This takes a tenth of a second or more.
    ///
    /// # Errors
    /// There is no new key, or it cannot be kept; the one before signs on.
    pub fn rotate_token_keys(&self) -> Result<TokenKeys, TokensError> {
        self.shared.tokens.rotate(now()).inspect_err(|error| {
            tracing::error!(%error, "no new key for application tokens; the one before signs on");
        })?;
        Ok(self.token_keys())
    }

    /// Has no token of an application count that was issued up to now.
    ///
    /// # Errors
    /// `aud` is no AUD tag, or too many are revoked.
    pub fn revoke_tokens(&self, aud: &str) -> Result<RevokedChange, RevokeError> {
        let at = now();
        let (forgotten, written) = self.shared.tokens.revoke(aud, at)?;
        tracing::warn!(aud, forgotten, "application tokens revoked by an operator");
        let failed = written.is_err();
        let problem = match written {
            Err(error) => {
                tracing::error!(%error, "a revocation of tokens is in force, and not kept");
                Some(format!("in force until the gateway stops, and not kept: {error}"))
            }
            Ok(()) if !self.shared.tokens.is_kept() => {
                Some("server.state_dir is not set: this lives until the gateway stops".to_owned())
            }
            Ok(()) => None,
        };
        Ok(RevokedChange { aud: aud.to_owned(), at, forgotten, kept: problem.is_none(), problem, failed })
    }

    /// Brings the metrics of tokens up to date, by what came since `reported`.
    pub(super) fn report_tokens(&self, reported: &mut Statistics) {
        let (metrics, now) = (&self.shared.metrics, self.shared.tokens.statistics());
        let before = std::mem::replace(reported, now);
        metrics.tokens_issued.inc_by(now.issued - before.issued);
        metrics.token_signing_failures.inc_by(now.signing_failures - before.signing_failures);
        metrics.token_rotation_failures.inc_by(now.rotation_failures - before.rotation_failures);
        metrics.token_cache_evictions.inc_by(now.evictions - before.evictions);
        metrics.token_cache_entries.set(now.entries.cast_signed());
        metrics.token_cache_capacity.set(now.capacity.cast_signed());
        metrics.token_key_created.set(now.key_created.cast_signed());
    }
}
